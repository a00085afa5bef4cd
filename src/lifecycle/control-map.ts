import { parseDocument } from 'yaml';
import { z } from 'zod';
import { PerennialError } from '../contracts/failures.js';
import { durationMs } from '../contracts/time.js';
import { TIERS } from '../spec/risk-tier.js';

/** What on the record shows something of a model, found by a query. */
export interface EvidenceKind {
  readonly name: string;
  /** What it shows, as a sentence. */
  readonly says: string;
  /** SQL that gives `subject` (text) and `at` (timestamptz) of each piece of evidence; `$1` is the model's name. */
  readonly query: string;
}

/** What a framework asks for, and the evidence that shows it. */
export interface Control {
  readonly id: string;
  readonly title: string;
  /** What is asked, in our words. */
  readonly asks: string;
  /** Tiers of the models that it is asked of; all where none is named. */
  readonly tiers: readonly string[];
  /** Asked only where this evidence is found, such as groups that are protected. */
  readonly where: string | null;
  /** All of them are needed. */
  readonly evidence: readonly { readonly name: string; /** Milliseconds: older evidence does not count. */ readonly withinMs: number | null }[];
}

export interface Framework {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly alsoKnownAs: readonly string[];
  readonly source: string;
  readonly controls: readonly Control[];
}

export interface ControlMap {
  readonly frameworks: readonly Framework[];
  readonly evidence: ReadonlyMap<string, EvidenceKind>;
}

/** What was found of a kind of evidence. */
export interface FoundEvidence {
  readonly count: number;
  readonly newestAt: Date | null;
  /** The newest few. */
  readonly subjects: readonly string[];
}

export const CONTROL_STATES = ['met', 'partly', 'missing', 'notApplicable'] as const;
export type ControlState = (typeof CONTROL_STATES)[number];

const word = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9.()-]{0,79}$/, 'must be letters, digits, dots, brackets and hyphens, at most 80');
const sentence = z.string().min(10).max(2_000);
const duration = z.string().refine((text) => durationMs(text) !== undefined, 'must be an ISO 8601 duration such as P90D');

const fileSchema = z.strictObject({
  apiVersion: z.literal('perennial-controls/v1'),
  evidence: z.array(z.strictObject({ name: word, says: sentence, query: z.string().regex(/^\s*(?:SELECT|WITH)\b/i, 'must be a SELECT').max(10_000) })).default([]),
  framework: z.strictObject({
    name: word,
    title: sentence,
    version: z.string().min(1).max(100),
    alsoKnownAs: z.array(z.string().min(2).max(100)).default([]),
    source: z.url(),
    controls: z.array(z.strictObject({
      id: word,
      title: z.string().min(3).max(200),
      asks: sentence,
      tiers: z.array(z.enum(TIERS)).default([]),
      where: word.optional(),
      evidence: z.array(z.union([word.transform((name) => ({ name })), z.strictObject({ name: word, within: duration })])).min(1),
    })).min(1),
  }).optional(),
});

/**
 * Reads control maps.
 * @param files name and YAML of each
 * @throws PerennialError `ConfigurationInvalid`, naming every fault with its file
 */
export function parseControlMap(files: ReadonlyMap<string, string>): ControlMap {
  const faults: string[] = [];
  const parsed = [...files].flatMap(([file, yaml]) => {
    const document = parseDocument(yaml, { uniqueKeys: true, stringKeys: true });
    if (document.errors.length > 0) faults.push(...document.errors.map(({ message }) => `${file}: ${message}`));
    const result = fileSchema.safeParse(document.errors.length > 0 ? {} : document.toJS({ maxAliasCount: 0 }));
    if (!result.success && document.errors.length === 0) faults.push(...result.error.issues.map(({ path, message }) => `${file}: ${path.join('.')}: ${message}`));
    return result.success ? [{ file, ...result.data }] : [];
  });
  const evidence = new Map<string, EvidenceKind>();
  for (const { file, evidence: kinds } of parsed) {
    for (const kind of kinds) {
      if (evidence.has(kind.name)) faults.push(`${file}: evidence ${kind.name} is named twice`);
      evidence.set(kind.name, kind);
    }
  }
  const frameworks = parsed.flatMap(({ file, framework }) => (framework ? [frameworkOf(file, framework, evidence, faults)] : []));
  const names = frameworks.flatMap(({ name, alsoKnownAs }) => [name, ...alsoKnownAs].map(plainName));
  faults.push(...names.filter((name, place) => names.indexOf(name) !== place).map((name) => `two frameworks are called ${name}`));
  if (faults.length > 0) throw new PerennialError('ConfigurationInvalid', `The control map is not valid: ${faults.join('; ')}`, { faults });
  return { frameworks, evidence };
}

type ParsedFramework = NonNullable<z.output<typeof fileSchema>['framework']>;

function frameworkOf(file: string, { controls, ...framework }: ParsedFramework, known: ReadonlyMap<string, EvidenceKind>, faults: string[]): Framework {
  const ids = controls.map(({ id }) => id);
  faults.push(...ids.filter((id, place) => ids.indexOf(id) !== place).map((id) => `${file}: control ${id} is there twice`));
  for (const { id, where, evidence } of controls) {
    for (const name of [...(where ? [where] : []), ...evidence.map((one) => one.name)]) {
      if (!known.has(name)) faults.push(`${file}: control ${id} names evidence ${name}, which no file describes`);
    }
  }
  return {
    ...framework,
    controls: controls.map(({ where, evidence, ...control }) => ({
      ...control, where: where ?? null, evidence: evidence.map((one) => ({ name: one.name, withinMs: 'within' in one ? (durationMs(one.within) as number) : null })),
    })),
  };
}

/** A framework by any of its names, `SR 11-7` as well as `sr-26-2`. */
export function findFramework({ frameworks }: ControlMap, name: string): Framework | undefined {
  return frameworks.find((framework) => [framework.name, ...framework.alsoKnownAs].some((known) => plainName(known) === plainName(name)));
}

const plainName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** Whether evidence counts: something was found, and recently where that is asked. */
export const counts = (found: FoundEvidence, withinMs: number | null, now: Date): boolean =>
  found.count > 0 && (withinMs === null || (found.newestAt !== null && found.newestAt.getTime() >= now.getTime() - withinMs));

/** @param found by the evidence's name, of one model of the tier */
export function controlState({ tiers, where, evidence }: Control, tier: string, found: ReadonlyMap<string, FoundEvidence>, now: Date): ControlState {
  if (tiers.length > 0 && !tiers.includes(tier)) return 'notApplicable';
  if (where !== null && (found.get(where)?.count ?? 0) === 0) return 'notApplicable';
  const shown = evidence.filter(({ name, withinMs }) => counts(found.get(name) ?? NOTHING, withinMs, now)).length;
  return shown === evidence.length ? 'met' : shown > 0 ? 'partly' : 'missing';
}

const NOTHING: FoundEvidence = { count: 0, newestAt: null, subjects: [] };
