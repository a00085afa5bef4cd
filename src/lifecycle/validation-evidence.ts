import type { SnapshotManifest } from '../contracts/artifacts.js';
import { heldOutText } from '../contracts/artifacts.js';
import type { EvaluationResult } from '../contracts/evaluations.js';
import type { CheckOutcome } from '../contracts/validations.js';
import type { MetricName, Verdict } from '../contracts/verdict.js';
import type { FairnessFigures } from '../contracts/window-assessment-report.js';
import { gravest } from './validation-decision.js';
import { count, named, said } from './validation-words.js';

/** What was measured before the gate, and what the gate said. */
export interface JudgedEvaluation {
  readonly result: EvaluationResult;
  readonly gate: Verdict;
  /** `gates.comparison.metric` */
  readonly metric: MetricName;
  readonly data: Pick<SnapshotManifest, 'train' | 'evaluation' | 'heldOut'>;
}

/** The out-of-time test: the recorded evaluation on rows that no training saw. Its gate's verdict stands where those rows really lie outside of the training window. */
export function judgeOutOfTime({ result, gate, metric, data: { train, evaluation, heldOut } }: JudgedEvaluation): CheckOutcome {
  const measured = result.candidate.metrics[metric];
  const apart = heldOut !== undefined || Date.parse(evaluation.window.start) >= Date.parse(train.window.end);
  const rows = `${count(result.rows)} rows from ${evaluation.window.start} to ${evaluation.window.end}`;
  const unseen = heldOut ? `of blocks held out of training (${heldOutText(heldOut)}): unseen, and not all later than what trained` : `all after what trained, which ended at ${train.window.end}`;
  const value = measured ? `${metric} is ${said(measured)}` : `${metric} is not defined (${result.candidate.undefinedBecause[metric] ?? 'it was not measured'})`;
  return {
    verdict: apart ? gate : 'fail',
    explanation: apart ? `${value} on ${rows}, ${unseen}; the gate said ${gate}.` : `The rows that judged begin at ${evaluation.window.start}, before training ended at ${train.window.end}: the model has seen some of them.`,
    figures: { rows: result.rows, metric, measured: measured ?? null, trainedUntil: train.window.end, window: evaluation.window, heldOut: heldOut ?? null, gate },
  };
}

/** A digest that is, or should be, on record; `stored`: what the store holds under it. */
export interface Traced {
  readonly what: string;
  readonly digest: string | null;
  /** `same`: its bytes have the digest; `notKept`: it is on record alone. */
  readonly stored: 'same' | 'missing' | 'differs' | 'notKept';
}

/** Provenance: data, code, environment and model are all on record by their digests, and what the store holds has them. */
export function judgeProvenance(traced: readonly Traced[]): CheckOutcome {
  const unknown = traced.filter(({ digest }) => digest === null).map(({ what }) => what);
  const lost = traced.filter(({ digest, stored }) => digest !== null && (stored === 'missing' || stored === 'differs')).map(({ what, stored }) => `${what} (${stored === 'missing' ? 'not in the store' : 'other bytes than its digest says'})`);
  const kept = traced.filter(({ stored }) => stored === 'same').length;
  const wrong = [...(unknown.length > 0 ? [`not on record: ${named(unknown)}`] : []), ...(lost.length > 0 ? [`damaged: ${named(lost)}`] : [])];
  return {
    verdict: wrong.length > 0 ? 'fail' : 'pass',
    explanation: wrong.length > 0 ? `The chain is broken; ${wrong.join('; ')}.` : `All ${traced.length} digests are on record, and the ${kept} files that the store keeps have theirs, read again for this check.`,
    figures: { traced },
  };
}

/** A document or statement that a version needs; `found`: where it is, or null. */
export interface NeededDocument {
  readonly what: string;
  readonly found: string | null;
}

/** Completeness of documents. */
export function judgeDocuments(needed: readonly NeededDocument[]): CheckOutcome {
  const missing = needed.filter(({ found }) => found === null).map(({ what }) => what);
  return {
    verdict: missing.length > 0 ? 'fail' : 'pass',
    explanation: missing.length > 0 ? `Missing: ${named(missing, 10)}.` : `All ${needed.length} are there: ${needed.map(({ what }) => what).join(', ')}.`,
    figures: { needed },
  };
}

/** Fairness on the rows that judged, by the limits of the spec; without limits it is measured and nothing says whether it is good enough. */
export function judgeGroups(figures: FairnessFigures | null): CheckOutcome {
  if (figures === null) return { verdict: 'inconclusive', explanation: 'No row says which protected group it belongs to.', figures: {} };
  if (figures.checks.length === 0) return { verdict: 'inconclusive', explanation: 'The spec states no limit (fairness.limits): rates and disparities are measured, and a validator has to judge them.', figures: { ...figures } };
  const verdict = gravest(figures.checks);
  const decisive = figures.checks.filter((check) => check.verdict === verdict);
  return { verdict, explanation: decisive.slice(0, 3).map(({ explanation }) => explanation).join(' ') + (decisive.length > 3 ? ` ${decisive.length - 3} more are ${verdict}.` : ''), figures: { ...figures } };
}
