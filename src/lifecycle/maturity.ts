/** What the record shows of a model, for its maturity. */
export interface MaturityFacts {
  readonly registered: boolean;
  /** Somebody active owns it. */
  readonly owned: boolean;
  /** Its spec states a use case. */
  readonly useCaseStated: boolean;
  /** The spec in force has its approval. */
  readonly useCaseApproved: boolean;
  readonly versions: number;
  /** The newest version names the digests of its spec, its data and its training code. */
  readonly lineage: boolean;
  readonly inService: boolean;
  /** The gate passed the champion of each deployment, and where it was validated or put to a vote, so did these. */
  readonly validated: boolean;
  /** In each deployment that serves, a window was assessed within the time that a sweep allows. */
  readonly monitored: boolean;
  /** A retrain that a trigger started brought a version into service. */
  readonly retrainedByItself: boolean;
  /** A rollback has brought an earlier version back. */
  readonly rolledBack: boolean;
  /** Its next review has a date that lies ahead. */
  readonly reviewedOnTime: boolean;
  readonly overdueFindings: number;
}

export type Level = 1 | 2 | 3 | 4;

export interface Criterion {
  readonly level: Level;
  readonly name: string;
  /** What must be so. */
  readonly asks: string;
  /** What to do where it is not. */
  readonly step: string;
  readonly holds: (facts: MaturityFacts) => boolean;
}

/** What each level asks for, beyond those below it. `docs/INVENTORY.md` shows it, and a test compares. */
export const CRITERIA: readonly Criterion[] = [
  { level: 1, name: 'registered', asks: 'A spec is in force.', step: 'Write a model.yaml and register it with `perennial apply`.', holds: ({ registered }) => registered },
  { level: 1, name: 'owned', asks: 'A person who is active owns it: by role, or by the name in the spec.', step: 'Give somebody the role owner with `perennial people grant`.', holds: ({ owned }) => owned },
  { level: 2, name: 'use case stated', asks: 'The spec states a use case: business case, risk and regulations.', step: 'Add a `useCase` section to the spec and apply it.', holds: ({ useCaseStated }) => useCaseStated },
  { level: 2, name: 'use case approved', asks: 'The use case is approved, for the spec in force.', step: 'Have approvers vote on the use case.', holds: ({ useCaseApproved }) => useCaseApproved },
  { level: 2, name: 'versions with lineage', asks: 'There is a version, and the newest names the digests of spec, data and code that it came from.', step: 'Train a version with `perennial retrain`.', holds: ({ versions, lineage }) => versions > 0 && lineage },
  { level: 3, name: 'in service', asks: 'A champion serves.', step: 'Bring a version into service.', holds: ({ inService }) => inService },
  { level: 3, name: 'validated', asks: 'Each champion has passed its gate, and its validation and the vote on it where there were such.', step: 'Have each champion validated, or go back to one that is.', holds: ({ validated }) => validated },
  { level: 3, name: 'monitored', asks: 'In each deployment that serves, a window was assessed within the time that a sweep allows.', step: 'Bring its predictions to monitoring, and see why no window is assessed.', holds: ({ monitored }) => monitored },
  { level: 4, name: 'retrained by itself', asks: 'A retrain that a trigger started has brought a version into service.', step: 'Name triggers in `retraining.triggers`, and let one of them prove itself.', holds: ({ retrainedByItself }) => retrainedByItself },
  { level: 4, name: 'rollback proven', asks: 'A rollback has brought an earlier version back.', step: 'Try the way back with `perennial rollback`, and forward again.', holds: ({ rolledBack }) => rolledBack },
  { level: 4, name: 'reviewed on time', asks: 'The next review has a date that lies ahead.', step: 'Hold the review that is due and record it.', holds: ({ reviewedOnTime }) => reviewedOnTime },
  { level: 4, name: 'nothing overdue', asks: 'No finding is overdue.', step: 'Close the findings that are overdue, with their evidence.', holds: ({ overdueFindings }) => overdueFindings === 0 },
];

export interface Maturity {
  /** The highest of which, and of all below it, every criterion is met; 0 where the first is not. */
  readonly level: 0 | Level;
  /** Names of the criteria that are not met, those of the lowest level first. */
  readonly missing: readonly string[];
  /** What to do next; null where nothing is left. */
  readonly next: string | null;
}

const LEVELS: readonly Level[] = [1, 2, 3, 4];

/** How far the care for a model goes, and the one step that takes it further. */
export function maturityOf(facts: MaturityFacts): Maturity {
  const missing = CRITERIA.filter(({ holds }) => !holds(facts));
  const reached = LEVELS.filter((level) => missing.every((criterion) => criterion.level > level));
  return { level: reached.at(-1) ?? 0, missing: missing.map(({ name }) => name), next: missing[0]?.step ?? null };
}
