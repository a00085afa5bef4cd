import type { CheckOutcome } from '../contracts/validations.js';
import { named } from './validation-words.js';

/** A line of locked requirements, as pip writes them: `name==version ; marker --hash=…`. */
interface LockedPackage {
  readonly name: string;
  /** Null where nothing pins it to one. */
  readonly version: string | null;
  readonly hashed: boolean;
}

const NO_ADVISORIES = 'No vulnerability database was asked: none is set up.';

/**
 * The dependency audit of the trainer's environment: everything in the locked requirements is pinned to one version and a hash, and what the trainer said it ran with is what they pin.
 * @param lock the requirements that were installed @param libraries version by library as the trainer reported them, the interpreter included
 */
export function auditDependencies(lock: string, libraries: Readonly<Record<string, string>>): CheckOutcome {
  const packages = lockedPackages(lock);
  const loose = packages.filter(({ version, hashed }) => version === null || !hashed).map(({ name }) => name);
  const reported = Object.entries(libraries).filter(([name]) => name !== 'python').map(([name, version]) => ({ name, version, locked: packages.filter((one) => one.name === normal(name)).map((one) => one.version) }));
  const others = reported.filter(({ version, locked }) => !locked.includes(version)).map(({ name, version, locked }) => `${name} ${version} (${locked.length > 0 ? `locked ${locked.join(' or ')}` : 'not locked'})`);
  const faults = [
    ...(packages.length === 0 ? ['the locked requirements name no package'] : []),
    ...(loose.length > 0 ? [`not pinned to a version and a hash: ${named(loose)}`] : []),
    ...(others.length > 0 ? [`ran with ${named(others)}`] : []),
  ];
  return {
    verdict: faults.length > 0 ? 'fail' : 'pass',
    explanation: `${faults.length > 0 ? `${faults.join('; ')}.` : `All ${packages.length} packages are pinned to a version and a hash, and the trainer ran with ${reported.map(({ name, version }) => `${name} ${version}`).join(', ') || 'none of them by its own word'}, as locked.`} ${NO_ADVISORIES}`,
    figures: { packages, reported, advisories: 'not asked' },
  };
}

/** Where the requirements of the training are not kept. */
export const requirementsLost = (digest: string): CheckOutcome =>
  ({ verdict: 'inconclusive', explanation: `The locked requirements ${digest} are on record and not in the artifact store, so that nothing can be said of the packages. ${NO_ADVISORIES}`, figures: { digest, advisories: 'not asked' } });

/** Names are compared as PyPI does: in lower case, with every run of -, _ and . as one hyphen. */
const normal = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

function lockedPackages(lock: string): LockedPackage[] {
  const lines = lock.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/).map((line) => line.replace(/(^|\s)#.*$/, '').trim());
  return lines.filter((line) => line !== '' && !line.startsWith('-')).map((line) => {
    const found = /^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(?:===?\s*([A-Za-z0-9.!+_-]+))?/.exec(line);
    return { name: normal(found?.[1] ?? line), version: found?.[2] ?? null, hashed: /--hash=sha256:[0-9a-f]{64}/.test(line) };
  });
}
