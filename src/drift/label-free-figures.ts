import { canonicalJson, sha256 } from '../contracts/canonical.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import type { DirectLossFit } from './direct-loss-estimate.js';
import type { EstimatedErrors } from './estimated-harm-course.js';
import type { IsotonicCalibration } from './isotonic-calibration.js';
import type { MonitoringPlan } from './monitoring-plan.js';

/**
 * What a version's windows are estimated by before their labels, beyond what ChampionFigures hold: it needs a training, which may fail on one worker and not on
 * another, so that it is kept by itself and missing figures can still be made. JSON.
 */
export interface LabelFreeFigures {
  readonly version: number;
  readonly snapshot: string;
  readonly plan: MonitoringPlan;
  /** Of a regression; null where the baseline is too small. */
  readonly losses: LossModels | null;
  /** Why there are no loss models, for people; null where there are, and for classes. */
  readonly withoutLosses: string | null;
  /** What harm by estimated errors is held against; null where the baseline does not give it. */
  readonly harm: EstimatedHarmBaseline | null;
  readonly withoutHarm: string | null;
}

export interface EstimatedHarmBaseline extends EstimatedErrors {
  /** What estimates a row's error was made of the estimator's part alone. Of a classifier its calibration; null where probabilities are taken as they are, and of a regression. */
  readonly calibration: IsotonicCalibration | null;
  /** Of a regression, the model of absolute errors: an admitted ONNX file in the artifact store. */
  readonly model: string | null;
}

export interface LossModels {
  /** Those that trained them. */
  readonly rows: number;
  /** Of the version's own spec: what the models take besides the output. */
  readonly features: readonly FeatureSpec[];
  /** Admitted ONNX files in the artifact store. */
  readonly absolute: string;
  readonly squared: string;
  readonly fit: DirectLossFit;
}

/** Rises when the figures hold more than before. */
const FORMAT = 1;

export const labelFreeFiguresDigest = (plan: MonitoringPlan): string => sha256(canonicalJson({ ...plan, labelFree: FORMAT }));

/** Fewer rows with a label than these tell too little of where errors are large. */
const FEWEST_ROWS = 200;

/** Why the errors of the baseline are not learnt; null where they are. @param rows of the baseline with a label */
export const tooSmall = (version: number, rows: number): string | null =>
  (rows >= FEWEST_ROWS ? null : `The baseline of version ${version} has ${rows} rows with a label; ${FEWEST_ROWS} are needed to learn its errors.`);
