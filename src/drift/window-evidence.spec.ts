import { describe, expect, it } from 'vitest';
import type { HarmStanding } from '../contracts/window-assessment.js';
import { type CountedWindow, retrainEvidence, windowEvidence } from './window-evidence.js';

const DAY = 86_400_000;
const at = (iso: string): number => Date.parse(`${iso}T00:00:00Z`);
const WINDOW = { fromMs: at('2024-03-07'), untilMs: at('2024-03-14') };
const standing = (evidence: number): HarmStanding => ({ rows: 10, missing: 0, mean: 0.2, lower: null, limit: 0.3, evidence, threshold: 40, alarm: null });
const counted = (from: string, version: number | null, harm: HarmStanding | null = standing(1)): CountedWindow =>
  ({ fromMs: at(from), untilMs: at(from) + 7 * DAY, rows: 10, labelled: 9, meanLoss: 0.2, version, harm });
const metric = { value: 0.4, low: 0.3, high: 0.5, alert: true, realised: null };
const report = {
  estimate: { method: 'cbpe' as const, rows: 10, metrics: { brier: metric } },
  baseline: { version: 3, snapshot: 's', rows: 9, from: '', until: '', measurement: { metrics: { brier: { value: 0.1, low: null, high: null } }, undefinedBecause: {} }, metric: 'brier', meanLoss: 0.1 },
};
const drift = { drifted: ['x'], faults: [{ kind: 'frozen' as const, features: ['x'], unit: null, because: 'x is 1.' }] };

describe('what a decision takes from windows', () => {
  it('of the version of the newest window whose labels were counted', () => {
    const past = [counted('2024-02-22', 1), counted('2024-02-29', 2, standing(7))];
    const evidence = windowEvidence({ atMs: WINDOW.untilMs, window: WINDOW, closed: true, report, drift }, past);
    expect(evidence).toMatchObject({ version: 2, harm: { evidence: 7 }, baselineMeanLoss: 0.1, drifted: ['x'], faults: drift.faults, estimate: { metric: 'brier', estimated: 0.4, baseline: 0.1 } });
    expect(evidence.labelled).toEqual([past[1]]);
  });

  it('tells faults and the estimate only as a window closes', () => {
    expect(windowEvidence({ atMs: WINDOW.untilMs, window: WINDOW, closed: false, report, drift }, [])).toMatchObject({ version: 3, faults: [], estimate: null, drifted: ['x'], harm: null, labelled: [] });
  });

  it('passes over a window in quarantine, and knows no version without any other and a report', () => {
    const past = [counted('2024-02-22', 1, standing(5)), counted('2024-02-29', null, null)];
    const nothing = { atMs: 0, window: WINDOW, closed: true, report: null, drift: null };
    expect(windowEvidence(nothing, past)).toMatchObject({ version: 1, harm: { evidence: 5 }, baselineMeanLoss: null, labelled: [past[0]] });
    expect(windowEvidence(nothing, past.slice(1))).toMatchObject({ version: null, harm: null });
  });
});

describe('what a decision takes from retrains', () => {
  it('counts those of the calendar month, whatever they came to', () => {
    const retrains = [{ eventMs: at('2024-03-10'), hours: 2 }, { eventMs: at('2024-03-01'), hours: 1 }, { eventMs: at('2024-02-29'), hours: 8 }];
    expect(retrainEvidence(retrains, at('2024-03-31'))).toEqual({ lastRetrainMs: at('2024-03-10'), usedRetrains: 2, usedTrainingHours: 3, expectedHours: 2 });
    expect(retrainEvidence(retrains, at('2025-03-31'))).toEqual({ lastRetrainMs: at('2024-03-10'), usedRetrains: 0, usedTrainingHours: 0, expectedHours: 2 });
    expect(retrainEvidence([], 0)).toEqual({ lastRetrainMs: null, usedRetrains: 0, usedTrainingHours: 0, expectedHours: 0 });
  });
});
