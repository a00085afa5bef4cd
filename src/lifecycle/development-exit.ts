import type { Evaluation } from '../registry/entities/evaluation.entity.js';
import type { ModelVersion } from '../registry/entities/model-version.entity.js';
import type { TrainingRun } from '../registry/entities/training-run.entity.js';
import type { FairnessFigures } from '../contracts/window-assessment-report.js';
import type { GateCheck, Verdict } from '../contracts/verdict.js';
import type { ModelSpec } from '../spec/model-spec.js';

export type ExitVerdict = Exclude<Verdict, 'error'>;

/** What development has to have reached before a version is validated. */
export interface ExitCriterion {
  /** `plan`, `thresholds`, `bias`, `data`, `code` or `environment`; a threshold or a disparity after a colon. */
  readonly name: string;
  readonly verdict: ExitVerdict;
  readonly explanation: string;
}

export interface DevelopmentExit {
  /** The gravest of its criteria. */
  readonly verdict: ExitVerdict;
  readonly criteria: readonly ExitCriterion[];
}

/** What is on record of the newest version. */
export interface CandidateFacts {
  readonly version: number;
  /** The spec that it was made under. */
  readonly specDigest: string;
  /** Of its gate; null where it was not judged yet. */
  readonly checks: readonly GateCheck[] | null;
  /** Measured on the rows that judged it; null where that was not done. */
  readonly fairness: FairnessFigures | null;
  /** Digests; null where nothing is on record. */
  readonly snapshot: string | null;
  readonly code: string | null;
  readonly environment: string | null;
}

export interface DevelopmentFacts {
  /** The spec in force, which is the Model Development Plan. */
  readonly plan: Pick<ModelSpec, 'gates' | 'fairness'>;
  readonly planDigest: string;
  /** Null before the first version. */
  readonly candidate: CandidateFacts | null;
}

/** In rising gravity. */
const VERDICTS = ['pass', 'inconclusive', 'fail'] as const;

/** What the record holds of a version. @param evaluation null where it was not judged yet @param run null where its training is not on record */
export const candidateFacts = (version: ModelVersion, evaluation: Pick<Evaluation, 'gate' | 'result'> | null, run: TrainingRun | null): CandidateFacts => ({
  version: version.number, specDigest: version.specDigest, checks: evaluation?.gate.checks ?? null, fairness: evaluation?.result.fairness ?? null,
  snapshot: version.snapshotDigest, code: run?.codeDigest ?? null, environment: run?.environment?.requirementsDigest ?? null,
});

/**
 * Whether development has come to its exit: the newest version was made under the plan in force, meets its absolute thresholds, has passed the first test
 * for bias where the plan names protected groups, and can be made again from data, code and environment on record. A figure that cannot be judged is
 * inconclusive, which is no pass: it waits for more rows or a person.
 */
export function developmentExit({ plan, planDigest, candidate }: DevelopmentFacts): DevelopmentExit {
  const criteria = candidate ? [planCriterion(candidate, planDigest), ...thresholdCriteria(plan, candidate), ...biasCriteria(plan, candidate), ...reproducibility(candidate)]
    : [criterion('plan', 'inconclusive', 'No version has been trained yet.')];
  return { verdict: gravest(criteria), criteria };
}

const criterion = (name: string, verdict: ExitVerdict, explanation: string): ExitCriterion => ({ name, verdict, explanation });

const gravest = (criteria: readonly ExitCriterion[]): ExitVerdict =>
  criteria.reduce<ExitVerdict>((worst, { verdict }) => (VERDICTS.indexOf(verdict) > VERDICTS.indexOf(worst) ? verdict : worst), 'pass');

function planCriterion({ version, specDigest }: CandidateFacts, planDigest: string): ExitCriterion {
  if (specDigest === planDigest) return criterion('plan', 'pass', `Version ${version} was made under the plan in force.`);
  return criterion('plan', 'inconclusive', `Version ${version} was made under the spec ${specDigest}; the plan in force, ${planDigest}, has been tried by no version yet: retrain.`);
}

function thresholdCriteria({ gates }: DevelopmentFacts['plan'], { version, checks }: CandidateFacts): ExitCriterion[] {
  if (gates.absolute.length === 0) return [criterion('thresholds', 'pass', 'The plan sets no absolute threshold.')];
  if (checks === null) return [criterion('thresholds', 'inconclusive', `Version ${version} has not been judged yet.`)];
  return gates.absolute.map(({ metric }) => {
    const check = checks.find(({ name }) => name === `absolute:${metric}`);
    if (!check) return criterion(`thresholds:${metric}`, 'inconclusive', `Version ${version} was not held against a threshold of ${metric}.`);
    return criterion(`thresholds:${metric}`, judged(check.verdict), check.explanation);
  });
}

function biasCriteria({ fairness: section }: DevelopmentFacts['plan'], { version, fairness }: CandidateFacts): ExitCriterion[] {
  if (!section) return [];
  if (!fairness) return [criterion('bias', 'inconclusive', `How version ${version} decides between ${section.groups.join(', ')} was not measured on the rows that judged it: retrain.`)];
  if (fairness.checks.length === 0) return [criterion('bias', 'inconclusive', 'The plan limits no disparity (fairness.limits), so that the figures were measured and a person has to judge them.')];
  return fairness.checks.map(({ name, verdict, explanation }) => criterion(name.replace(/^fairness:/, 'bias:'), judged(verdict), explanation));
}

/** What could not be judged is no failure of the version. */
const judged = (verdict: Verdict): ExitVerdict => (verdict === 'error' ? 'inconclusive' : verdict);

function reproducibility({ version, snapshot, code, environment }: CandidateFacts): ExitCriterion[] {
  const kept = (name: string, what: string, digest: string | null): ExitCriterion =>
    digest === null ? criterion(name, 'fail', `${what} of version ${version} is not on record.`) : criterion(name, 'pass', `${what} of version ${version} is on record: ${digest}.`);
  return [kept('data', 'The snapshot', snapshot), kept('code', "The trainer's code", code), kept('environment', 'The locked environment', environment)];
}
