import type { EvaluationResult, Measurement } from '../contracts/evaluations.js';
import { sensitivityOf } from '../contracts/masking.js';
import { maskedSlices } from '../contracts/masked-reports.js';
import type { GateDecision } from '../contracts/verdict.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { measure, type MeasureOptions } from './metrics.js';
import { compareOnSameRows } from './paired-comparison.js';
import { recentGain } from './recent-gain.js';
import type { ScoredRows } from './scoring.js';
import { measureSlices } from './slices.js';

/**
 * What a candidate and its champion come to on the rows that judge them.
 * @param window of the rows @param champion on the same rows; null without one
 * @throws PerennialError `ScoringFailed` when the two were not scored on the same rows
 */
export function evaluationResult(
  spec: Pick<ModelSpec, 'task' | 'data' | 'evaluation' | 'gates' | 'rollout'>, window: EvaluationResult['window'], candidate: ScoredRows, champion: ScoredRows | null,
): EvaluationResult {
  const { alpha, threshold } = spec.evaluation;
  const options: MeasureOptions = { alpha, threshold };
  const measured = (rows: ScoredRows): Measurement => measure(rows, options);
  const comparison = champion && compareOnSameRows(spec.gates.comparison.metric, candidate, champion, options);
  const gain = champion && spec.gates.comparison.by === 'recentLoss' ? recentGain(spec, window, candidate, champion) : null;
  return {
    rows: candidate.labels.length,
    window,
    candidate: measured(candidate),
    champion: champion && measured(champion),
    comparison,
    ...(gain && { recentGain: gain }),
    slices: maskedSlices(measureSlices(candidate, candidate.slices, options), sensitivityOf(spec)),
  };
}

/** The check that decided, in words. */
export function gateReason(gate: GateDecision): string {
  const decisive = gate.checks.filter((check) => check.verdict === gate.verdict);
  const told = gate.verdict === 'pass' ? decisive.filter((check) => check.name !== 'rows') : decisive;
  return (told.length > 0 ? told : gate.checks).map((check) => check.explanation).join(' ');
}
