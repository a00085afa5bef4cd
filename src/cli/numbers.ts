import type { EvaluationAnswer } from '../api/evaluations/evaluations.dto.js';

type Estimate = EvaluationAnswer['metrics'][string];

export const figure = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(4));

export const interval = (estimate: Estimate | undefined): string =>
  estimate === undefined ? '–' : estimate.low === null || estimate.high === null ? figure(estimate.value) : `${figure(estimate.value)} [${figure(estimate.low)}, ${figure(estimate.high)}]`;

export const count = (value: number): string => value.toLocaleString('en-US');

/** To the second, in UTC. */
export const moment = (iso: string | null): string => (iso === null ? '–' : `${iso.slice(0, 19).replace('T', ' ')}Z`);

export const duration = (seconds: number | null): string => (seconds === null ? '–' : seconds < 90 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`);
