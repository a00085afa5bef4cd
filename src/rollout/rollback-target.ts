import type { VersionStatus } from '../contracts/retrains.js';

/** A champion that a deployment has had. */
export interface PastChampion {
  readonly epoch: number;
  readonly version: number;
}

export type RollbackTarget =
  | { readonly version: number }
  | { readonly refused: string };

/**
 * Which version a rollback puts into service: the one asked for, if it has served in this deployment before, else the
 * newest past champion that is not the one in service.
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
  const good = before.find(({ version }) => unfitOf(version) === undefined);
  if (good) return { version: good.version };
  const others = [...new Set(before.map(({ version }) => version))].map((version) => `version ${version}: ${unfitOf(version)}`);
  return { refused: others.length === 0 ? `version ${current} is the only one that has ever served here` : `none that has served here may serve now (${others.join('; ')})` };
}
