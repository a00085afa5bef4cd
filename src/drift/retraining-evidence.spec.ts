import { describe, expect, it } from 'vitest';
import { AUTOMATIC_TRIGGERS } from '../contracts/retraining-decisions.js';
import type { HarmStanding } from '../contracts/window-assessment.js';
import { specWith } from '../data/data-fixture.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { answeredChange, type EstimatedQuality, gainOverBaseline, type LabelledWindow, type MonitoringEvidence, retrainingFacts, type ServedVersion } from './retraining-evidence.js';

const DAY = 86_400_000;
const START = Date.parse('2024-01-01T00:00:00Z');
const at = (day: number): number => START + day * DAY;

const SPEC = specWith();
/** A day of horizon and five days of judging; asks for nothing by time or rows unless told. */
const specOf = (retraining: Partial<ModelSpec['retraining']> = {}): ModelSpec =>
  ({ ...SPEC, retraining: { ...SPEC.retraining, triggers: [...AUTOMATIC_TRIGGERS], newLabelledRows: 1_000_000, every: 'P1000D', ...retraining } });

const day = (of: number, more: Partial<LabelledWindow> = {}): LabelledWindow => ({ fromMs: at(of), untilMs: at(of + 1), rows: 120, labelled: 100, meanLoss: 0.2, ...more });
const days = (count: number): LabelledWindow[] => Array.from({ length: count }, (_, of) => day(of));

/** A first version, of which nothing more is known. */
const SERVED: ServedVersion = { number: 1, asOfMs: at(-100), trainedRows: 5_000, figures: null };
/** Ten days of 100 rows judged it: a mean loss of 0.1, with a variance of the days of 0.01² and so of 0.001 · 0.01 of their mean. */
const SUMS = [9, 11, 9, 11, 9, 11, 9, 11, 9, 11];
const JUDGED: NonNullable<ServedVersion['figures']> = {
  losses: { sample: { rows: 1_000, mean: 0.1, variance: 0.02 }, blocks: { rows: SUMS.map(() => 100), sums: SUMS } },
  plan: { metric: 'brier', bound: 1, dependence: 'blocks', blockMs: DAY, threshold: 0.5 },
};

const evidence = (more: Partial<MonitoringEvidence> = {}): MonitoringEvidence => ({
  counted: more.labelled ?? [], answered: null,
  atMs: at(30), window: { fromMs: at(29), untilMs: at(30) }, faults: [], drifted: [], estimate: null, harm: null, baselineMeanLoss: 0.1, labelled: [], served: SERVED,
  lastRetrainMs: null, active: null, usedRetrains: 1, usedTrainingHours: 2, expectedHours: 0.5, ...more,
});

const standing = (sinceMs: number | null): HarmStanding => ({
  rows: 4_000, missing: 10, mean: 0.25, lower: 0.21, limit: 0.2004, evidence: 50, threshold: 40, alarm: sinceMs === null ? null : { atMs: at(28), by: 'change', sinceMs },
});
const estimate = (more: Partial<EstimatedQuality> = {}): EstimatedQuality => ({ metric: 'auc', estimated: 0.6123, baseline: 0.7, alert: true, ...more });
const triggersOf = (more: Partial<MonitoringEvidence>, retraining: Partial<ModelSpec['retraining']> = {}): string[] =>
  retrainingFacts(evidence(more), specOf(retraining)).triggers.map(({ trigger }) => trigger);

describe('what asks for a retrain', () => {
  it('is an alarm of harm, and not the evidence of it alone', () => {
    expect(retrainingFacts(evidence({ harm: standing(at(20)) }), specOf()).triggers).toEqual([
      { trigger: 'performance', because: 'The mean loss of 4000 labelled rows has surely risen above 0.2, most likely since 2024-01-21T00:00:00.000Z.' },
    ]);
    expect(triggersOf({ harm: standing(null) })).toEqual([]);
  });

  it('is drift together with an estimate that is worse than the baseline\'s days', () => {
    expect(retrainingFacts(evidence({ drifted: ['a', 'b', 'c', 'd', 'e', 'f', 'g'], estimate: estimate() }), specOf()).triggers).toEqual([
      { trigger: 'harmfulDrift', because: 'a, b, c, d, e and 2 more drifted, and auc is estimated at 0.612 before labels, 0.7 on the baseline.' },
      { trigger: 'dataDrift', because: 'a, b, c, d, e and 2 more drifted.' },
    ]);
  });

  it.each<[string, Partial<EstimatedQuality>, boolean]>([
    ['less of what is better when it is more', { metric: 'auc', estimated: 0.6 }, true], ['more of it', { metric: 'auc', estimated: 0.8 }, false],
    ['more of what is better when it is less', { metric: 'rmse', estimated: 0.8 }, true], ['less of it', { metric: 'rmse', estimated: 0.6 }, false],
    ['no more than the baseline\'s own days', { estimated: 0.6, alert: false }, false],
  ])('tells whether %s is harm', (_, more, harmful) => {
    expect(triggersOf({ drifted: ['speed'], estimate: estimate(more) })).toEqual(harmful ? ['harmfulDrift', 'dataDrift'] : ['dataDrift']);
    expect(triggersOf({ estimate: estimate(more) })).toEqual([]);
  });

  it('is enough labelled rows since the last retrain, those of the window that holds it with them', () => {
    const labelled = days(10);
    expect(triggersOf({ labelled }, { newLabelledRows: 1_000 })).toEqual(['newLabelledRows']);
    expect(triggersOf({ labelled }, { newLabelledRows: 1_001 })).toEqual([]);
    expect(triggersOf({ labelled, lastRetrainMs: at(4) }, { newLabelledRows: 600 })).toEqual(['newLabelledRows']);
    expect(triggersOf({ labelled, lastRetrainMs: at(4) }, { newLabelledRows: 601 })).toEqual([]);
    expect(retrainingFacts(evidence({ labelled, lastRetrainMs: at(4) + 1 }), specOf({ newLabelledRows: 600 })).triggers[0]!.because)
      .toBe('600 labelled rows have come since the last retrain; 600 ask for one.');
    expect(triggersOf({ labelled, lastRetrainMs: at(5) }, { newLabelledRows: 600 })).toEqual([]);
  });

  it('is the time since the last retrain, and never before the first', () => {
    expect(triggersOf({ lastRetrainMs: at(10) }, { every: 'P20D' })).toEqual(['schedule']);
    expect(triggersOf({ lastRetrainMs: at(10) + 1 }, { every: 'P20D' })).toEqual([]);
    expect(triggersOf({ lastRetrainMs: null }, { every: 'P1D' })).toEqual([]);
  });

  it('comes the strongest first, and only where the spec lists it', () => {
    const all = { harm: standing(at(20)), drifted: ['speed'], estimate: estimate(), labelled: days(10), lastRetrainMs: at(0), served: { ...SERVED, figures: JUDGED } };
    const asks = { newLabelledRows: 10, every: 'P1D' };
    expect(triggersOf(all, asks)).toEqual([...AUTOMATIC_TRIGGERS]);
    expect(triggersOf(all, { ...asks, triggers: ['dataDrift', 'performance'] })).toEqual(['performance', 'dataDrift']);
    expect(triggersOf(all, { ...asks, triggers: [] })).toEqual([]);
  });
});

describe('a trial', () => {
  const trial = (more: Partial<MonitoringEvidence>, spec = specOf()): string | null =>
    retrainingFacts(evidence(more), spec).triggers.find(({ trigger }) => trigger === 'trial')?.because ?? null;
  const judged = { ...SERVED, figures: JUDGED };
  /** The days' standard deviation is √(10 ÷ 9) · 0.01, that of the baseline's mean √(1 ÷ 9) · 0.01: of a day less the baseline √(11 ÷ 9) · 0.01. */
  const error = Math.sqrt(11) / 300;

  it('is asked for where the newest windows lose more than the baseline by so many standard errors', () => {
    expect(trial({ served: judged, labelled: [day(28, { meanLoss: 0.1 + 1.01 * error })] })).toBe('The mean loss of the newest window is 0.111, 1.01 standard errors above that of the baseline; 1 ask for a trial.');
    expect(trial({ served: judged, labelled: [day(28, { meanLoss: 0.1 + 0.99 * error })] })).toBeNull();
    expect(trial({ served: judged, labelled: [day(28, { meanLoss: 0.1 + 0.99 * error })] }, specOf({ hint: 0.9 }))).not.toBeNull();
    expect(trial({ served: judged, labelled: days(4) })).toContain('The mean loss of the newest 4 windows is 0.2, ');
  });

  it('hears no hint without losses of the baseline that differ, or without windows', () => {
    expect(trial({ served: judged, labelled: [] })).toBeNull();
    expect(trial({ served: judged, labelled: [day(28, { meanLoss: null })] })).toBeNull();
    expect(trial({ served: SERVED, labelled: days(4) })).toBeNull();
    expect(trial({ served: null, labelled: days(4) })).toBeNull();
    const alike = { ...JUDGED.losses!, blocks: { rows: [100, 100], sums: [10, 10] } };
    expect(trial({ served: { ...SERVED, figures: { ...JUDGED, losses: alike } }, labelled: days(4) })).toBeNull();
  });

  it('is asked for while a candidate learns from more of what came after the version\'s data, but for the first version', () => {
    // Five days judge, and ten before them train.
    const tenDays: ModelSpec = { ...specOf(), training: { ...SPEC.training, window: 'P10D' } };
    const second = (asOf: number): Partial<MonitoringEvidence> => ({ served: { ...SERVED, number: 2, asOfMs: at(asOf) } });
    expect(trial(second(15), tenDays)).toBe('Version 2 was made with data until 2024-01-16T00:00:00.000Z; until 2024-01-31T00:00:00.000Z a candidate learns from more of what came since.');
    expect(trial({ served: { ...SERVED, number: 2, asOfMs: at(15) - 1 } }, tenDays)).toBeNull();
    expect(trial({ served: { ...SERVED, number: 1, asOfMs: at(15) } }, tenDays)).toBeNull();
    expect([trial(second(25)), trial(second(24))]).toEqual([expect.any(String), null]);
  });
});

describe('the data of a decision', () => {
  it('are the rows of the last training and those labelled since', () => {
    expect(retrainingFacts(evidence({ labelled: days(10) }), specOf()).data).toMatchObject({ trainingRows: 6_000, minimumRows: SPEC.training.minimumRows, sinceChange: null });
    expect(retrainingFacts(evidence({ labelled: days(10), lastRetrainMs: at(7) }), specOf()).data.trainingRows).toBe(5_300);
  });

  it('count of those since the change only what can train: older than the judging window and the horizon of labels', () => {
    // At day 30, less one day of horizon and five of judging: windows that end by day 24.
    const sinceChange = (sinceMs: number, more: Partial<MonitoringEvidence> = {}): number | null =>
      retrainingFacts(evidence({ labelled: days(30), harm: standing(sinceMs), ...more }), specOf({ minimumSinceChange: 77 })).data.sinceChange;
    expect(sinceChange(at(20))).toBe(400);
    expect(sinceChange(at(20) + 1)).toBe(400);
    expect(sinceChange(at(21))).toBe(300);
    expect(sinceChange(at(24))).toBe(0);
    expect(sinceChange(at(20), { atMs: at(30) - 1 })).toBe(300);
    expect(retrainingFacts(evidence(), specOf({ minimumSinceChange: 77 })).data.minimumSinceChange).toBe(77);
  });

  it('count of the window that judges what is not held out, where only some blocks are', () => {
    const some: ModelSpec = { ...specOf(), evaluation: { ...SPEC.evaluation, holdOutEvery: 3 } };
    const sinceChange = (sinceMs: number): number | null => retrainingFacts(evidence({ labelled: days(30), harm: standing(sinceMs) }), some).data.sinceChange;
    // Five days of judging end with day 28: two in three of their 500 rows train.
    expect([sinceChange(at(20)), sinceChange(at(24)), sinceChange(at(28)), sinceChange(at(29))]).toEqual([400 + 333, 333, 66, 0]);
  });

  it('hold what the record and the spec say of cooldown, budget, costs and the retrain that runs', () => {
    const costs = { perLossUnit: 3, training: 20, release: 50, horizon: 'P14D' };
    const facts = retrainingFacts(evidence({ active: 4, lastRetrainMs: at(3) }), specOf({ costs, cooldown: 'P2D', budget: { retrains: 6, trainingHours: 9 } }));
    expect(facts).toMatchObject({
      atMs: at(30), window: { fromMs: at(29), untilMs: at(30) }, request: null, active: 4, cooldown: { lastEndedMs: at(3), lengthMs: 2 * DAY },
      cost: { perLossUnit: 3, training: 20, release: 50, horizonMs: 14 * DAY },
      budget: { retrains: 1, maximumRetrains: 6, trainingHours: 2, maximumTrainingHours: 9, expectedHours: 0.5 },
    });
    expect(retrainingFacts(evidence(), specOf({ costs: undefined, budget: { retrains: 6 } }))).toMatchObject({ cost: null, gain: null, budget: { maximumTrainingHours: null } });
  });

  it('weigh the gain since the change alone', () => {
    const labelled = [day(0, { meanLoss: 0.9 }), day(1, { meanLoss: 0.9 }), day(2, { meanLoss: 0.3 }), day(3, { meanLoss: 0.4 })];
    expect(retrainingFacts(evidence({ labelled, harm: standing(at(2)) }), specOf()).gain).toEqual(gainOverBaseline({ labelled: labelled.slice(2), baselineMeanLoss: 0.1 }, 0));
    expect(retrainingFacts(evidence({ labelled, harm: standing(null) }), specOf()).gain).toBeNull();
  });
});

describe('the gain over the baseline', () => {
  it('of three windows is what a hand works out, with Student\'s t of two degrees of freedom', () => {
    const labelled = [
      day(0, { rows: 200, labelled: 100, meanLoss: 0.3 }), day(1, { rows: 300, labelled: 200, meanLoss: 0.25 }),
      day(2, { rows: 100, labelled: 100, meanLoss: 0.15 }),
    ];
    // (100 · 0.2 + 200 · 0.15 + 100 · 0.05) ÷ 400; residuals 100 · 0.0625, 200 · 0.0125, −100 · 0.0875.
    const reach = (2.919985580353724 * Math.sqrt(((6.25 ** 2 + 2.5 ** 2 + 8.75 ** 2) * 3) / 2)) / 400;
    const gain = gainOverBaseline({ labelled, baselineMeanLoss: 0.1 }, at(0))!;
    expect(gain.estimate).toBeCloseTo(0.1375, 12);
    expect([gain.low, gain.high].map((end) => Math.abs(end - gain.estimate))).toEqual([expect.closeTo(reach, 9), expect.closeTo(reach, 9)]);
    expect(gain.low).toBeLessThan(gain.high);
    expect(gain.rowsPerDay).toBe(200);
  });

  it('of two windows has the wide interval of one degree of freedom, and none where they agree', () => {
    const gain = gainOverBaseline({ labelled: [day(0, { meanLoss: 0.3 }), day(1, { meanLoss: 0.2 })], baselineMeanLoss: 0.1 }, at(0))!;
    expect(gain.estimate).toBeCloseTo(0.15, 12);
    // Each window lies 5 from the mean of 100 rows: √(50 · 2 ÷ 1) ÷ 200 = 0.05.
    expect(gain.high - gain.estimate).toBeCloseTo(6.313751514675043 * 0.05, 9);
    const agreed = [day(0, { meanLoss: 0.3 }), day(1, { meanLoss: 0.3 })];
    expect(gainOverBaseline({ labelled: agreed, baselineMeanLoss: 0.1 }, at(0))).toMatchObject({ low: expect.closeTo(0.2, 12), high: expect.closeTo(0.2, 12) });
  });

  it('passes over windows before the change and those without labels, and says nothing of fewer than two', () => {
    const others = [day(2, { labelled: 0, meanLoss: null }), day(3, { meanLoss: null })];
    const labelled = [day(0, { meanLoss: 0.9 }), day(1, { meanLoss: 0.3 }), ...others, day(4, { meanLoss: 0.2 })];
    const two = { labelled: [day(1, { meanLoss: 0.3 }), day(4, { meanLoss: 0.2 })], baselineMeanLoss: 0.1 };
    expect(gainOverBaseline({ labelled, baselineMeanLoss: 0.1 }, at(1))).toEqual(gainOverBaseline(two, 0));
    expect(gainOverBaseline({ labelled, baselineMeanLoss: 0.1 }, at(4))).toBeNull();
    expect(gainOverBaseline({ labelled, baselineMeanLoss: null }, at(0))).toBeNull();
  });

  it('counts the rows of a day in windows of any length', () => {
    const half = (of: number): LabelledWindow => day(of, { untilMs: at(of) + DAY / 2, rows: 30 });
    expect(gainOverBaseline({ labelled: [half(0), half(1)], baselineMeanLoss: 0.1 }, 0)!.rowsPerDay).toBe(60);
  });
});

describe('a change that a retrain was started for', () => {
  /** The retrain of day 20 looked at rows until day 14: 400 of them since the change on day 10. */
  const answered = { sinceMs: at(10), limit: 0.15, baselineMeanLoss: 0.1, atMs: at(20), learnedRows: 400 };
  const trained = (window: ModelSpec['training']['window']): ModelSpec => ({ ...specOf({ minimumSinceChange: 77 }), training: { ...SPEC.training, window } });
  const after = (meanLoss: number): LabelledWindow[] => [21, 22, 23, 24].map((of) => day(of, { meanLoss }));
  const counted = [...days(20), ...after(0)];

  it('asks again while the version in service loses more than where harm began, also where that is not sure', () => {
    const facts = retrainingFacts(evidence({ labelled: after(0.16), counted, answered }), trained('all'));
    expect(facts.triggers).toEqual([{ trigger: 'performance', because: 'The last retrain has not made up for the change of 2024-01-11T00:00:00.000Z: the mean loss is above 0.15 still, where harm began.' }]);
    expect(facts.change).toEqual({ sinceMs: at(10), limit: 0.15, baselineMeanLoss: 0.1 });
    const unsure = [day(21, { meanLoss: 0.1 }), day(22, { meanLoss: 0.3 })];
    expect(retrainingFacts(evidence({ labelled: unsure, counted, answered }), trained('all')).triggers).toEqual(facts.triggers);
    // Six days of horizon and judging before day 30.
    expect(facts.data).toMatchObject({ sinceChange: 1_300, minimumSinceChange: 800 });
    expect(facts.gain).toMatchObject({ estimate: expect.closeTo(0.06, 12) as number });
  });

  it.each<[string, Partial<MonitoringEvidence>, ModelSpec['training']['window']]>([
    ['it loses no more', { labelled: after(0.15) }, 'all'],
    ['it has but one window', { labelled: [day(21, { meanLoss: 0.4 })] }, 'all'], ['the retrain learnt from rows of after alone', { labelled: after(0.4) }, 'P4D'],
    ['nothing was', { labelled: after(0.4), answered: null }, 'all'],
  ])('does not where %s', (_, more, window) => {
    expect(retrainingFacts(evidence({ counted, answered, ...more }), trained(window))).toMatchObject({ triggers: [], change: null, gain: null, data: { sinceChange: null, minimumSinceChange: 77 } });
  });

  it('asks for twice the rows where its alarm goes on too, as after a candidate that was rejected, and not for a new one', () => {
    const minimum = (sinceMs: number): number => retrainingFacts(evidence({ counted, answered, harm: standing(sinceMs) }), trained('P4D')).data.minimumSinceChange;
    expect([minimum(at(9)), minimum(at(20)), minimum(at(21))]).toEqual([800, 800, 77]);
  });

  it('is kept with a decision, and none where a retrain had another reason', () => {
    const facts = retrainingFacts(evidence({ labelled: days(30), harm: standing(at(10)) }), trained('all'));
    expect(answeredChange(facts)).toEqual({ sinceMs: at(10), limit: 0.2004, baselineMeanLoss: 0.1, atMs: at(30), learnedRows: 1_400 });
    expect(answeredChange(retrainingFacts(evidence(), trained('all')))).toBeNull();
    // Decisions of before this was kept.
    const { change: _, ...older } = facts;
    expect(answeredChange(older)).toBeNull();
  });
});
