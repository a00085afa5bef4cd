import type { VersionStatus } from '../contracts/retrains.js';

/** A champion that a deployment has had. */
export interface PastChampion {
  readonly epoch: number;
  readonly version: number;
  /** Whether it came by a rollback, which took the one before out of service. */
  readonly rolledBack?: boolean;
}

export type RollbackTarget =
  | { readonly version: number }
  | { readonly refused: string };

/**
 * Which version a rollback puts into service: the one asked for, if it has served in this deployment before, else the
 * newest past champion that is not the one in service and that no rollback has taken out of service since it was last put
 * there: a second rollback goes further back, never forward to what the first one took away.
 * @param current the version in service
 * @param history past and present champions, in any order
 * @param wanted the version asked for; null: the champion before
 * @param unfitOf why a version may not serve: taken back before, or made for other features; such a one is never chosen
 */
export function chooseRollbackTarget(
  current: number | null,
  history: readonly PastChampion[],
  wanted: number | null,
  statusOf: (version: number) => VersionStatus | undefined,
  unfitOf: (version: number) => string | undefined = () => undefined,
): RollbackTarget {
  if (current === null) return { refused: 'nothing is in service yet, so there is nothing to go back from' };
  if (wanted === current) return { refused: `version ${wanted} is in service already` };
  const served = new Set(history.map(({ version }) => version));
  if (wanted !== null) {
    if (served.has(wanted)) {
      const unfit = unfitOf(wanted);
      return unfit === undefined ? { version: wanted } : { refused: `version ${wanted} may not serve: ${unfit}` };
    }
    const status = statusOf(wanted);
    return { refused: status ? `version ${wanted} (${status}) has never served in this deployment; a version comes into service by a retrain that passes its gate` : `there is no version ${wanted}` };
  }
  const newestFirst = [...history].sort((a, b) => b.epoch - a.epoch);
  const before = newestFirst.filter(({ version }) => version !== current);
  const left = takenBack(newestFirst);
  const obstacle = (version: number): string | undefined => unfitOf(version) ?? (left.has(version) ? 'a rollback took it out of service; ask for it by its number if it shall come back' : undefined);
  const good = before.find(({ version }) => obstacle(version) === undefined);
  if (good) return { version: good.version };
  const others = [...new Set(before.map(({ version }) => version))].map((version) => `version ${version}: ${obstacle(version)}`);
  return { refused: others.length === 0 ? `version ${current} is the only one that has ever served here` : `none that has served here may serve now (${others.join('; ')})` };
}

/** Versions that a rollback took out of service and that nobody put there again. */
function takenBack(newestFirst: readonly PastChampion[]): ReadonlySet<number> {
  const taken = new Set<number>();
  [...newestFirst].reverse().forEach(({ version, rolledBack }, index, oldestFirst) => {
    const before = oldestFirst[index - 1];
    if (rolledBack && before) taken.add(before.version);
    taken.delete(version);
  });
  return taken;
}
