import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TourOutcome, TourStep } from './flight-tour.js';

export interface TourTimings {
  /** From the first command to the first request of the job. */
  readonly setupS: number;
  /** Over all starts that it took. */
  readonly jobS: number;
}

export interface TourUrls {
  readonly api: string;
  readonly gateway: string;
  readonly temporalUi: string;
}

/** The run as a document, for programs. */
export function tourResult(outcome: TourOutcome, timings: TourTimings, urls: TourUrls): object {
  return {
    versions: outcome.steps.map(versionEntry),
    champion: outcome.champion,
    rollbacks: outcome.rollbacks.map(({ fromVersion, toVersion, fromEpoch, toEpoch, outcome: ended, gatewaysBehind, workflowId }) => ({
      fromVersion, toVersion, fromEpoch, toEpoch, outcome: ended, gatewaysBehind, workflowId,
    })),
    timings,
    urls,
  };
}

function versionEntry({ retrain, version }: TourStep): object {
  const { evaluation } = retrain;
  return {
    version: retrain.version,
    trainedOn: version && { ...version.data.train.window, rows: version.data.train.labelledRows },
    scoredOn: evaluation && { ...evaluation.window, rows: evaluation.rows },
    metrics: evaluation?.metrics ?? null,
    championVersion: evaluation?.championVersion ?? null,
    championMetrics: evaluation?.championMetrics ?? null,
    comparison: evaluation?.comparison ?? null,
    recentGain: evaluation?.recentGain ?? null,
    verdict: evaluation?.verdict ?? 'error',
    outcome: retrain.outcome,
    reason: retrain.reason,
    promotedAtEpoch: retrain.promotedEpoch,
    retrainWorkflowId: retrain.workflowId,
  };
}

/** Written whole or not at all. */
export async function writeResult(path: string, result: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(result, null, 2)}\n`);
  await rename(`${path}.new`, path);
}
