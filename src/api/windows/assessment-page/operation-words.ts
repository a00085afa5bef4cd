import type { LimitedOperation } from '../../../contracts/window-operations.js';
import { figure, NO_FIGURE, percentOf } from '../page/figures.js';

const MIB = 2 ** 20;

/** What is shown of a figure: its name, and the factor and the unit that it is shown in. */
const SHOWN: Readonly<Record<LimitedOperation, { readonly name: string; readonly factor: number; readonly unit: string }>> = {
  latencyP50Ms: { name: 'Latency p50', factor: 1, unit: 'ms' },
  latencyP95Ms: { name: 'Latency p95', factor: 1, unit: 'ms' },
  latencyP99Ms: { name: 'Latency p99', factor: 1, unit: 'ms' },
  slowShare: { name: 'Slow answers', factor: 100, unit: '%' },
  failedShare: { name: 'Requests without an answer', factor: 100, unit: '%' },
  refusedShare: { name: "Requests with a caller's error", factor: 100, unit: '%' },
  busiestShare: { name: 'Load, busiest minute', factor: 100, unit: '%' },
  memoryBytes: { name: 'Memory of a gateway', factor: 1 / MIB, unit: 'MiB' },
  arrivalLagP95Ms: { name: 'Arrival after the event, p95', factor: 1 / 1_000, unit: 's' },
  cpuCores: { name: 'Cores used by a gateway', factor: 1, unit: '' },
};

export const operationName = (name: LimitedOperation): string => SHOWN[name].name;

/** With its unit, as the axis of a plot names it. */
export const operationTitle = (name: LimitedOperation): string => `${SHOWN[name].name}${SHOWN[name].unit === '' ? '' : `, ${SHOWN[name].unit}`}`;

/** In the unit in which it is shown. */
export const shownValue = (name: LimitedOperation, value: number): number => value * SHOWN[name].factor;

export function operationText(name: LimitedOperation, value: number | null): string {
  if (value === null) return NO_FIGURE;
  const { unit } = SHOWN[name];
  return unit === '%' ? percentOf(value, 1) : `${figure(shownValue(name, value))}${unit === '' ? '' : ` ${unit}`}`;
}
