import { describe, expect, it } from 'vitest';
import { stepCounterfactuals, startCounterfactuals } from './counterfactual-triggers.js';
import type { HarmStanding } from '../contracts/window-assessment.js';
import { numericDrift } from './numeric-drift.js';
import { decideRetraining, RETRAINING_RULES, type RetrainingRule } from './retraining-decision.js';
import type { ExpectedGain } from '../evaluation/expected-gain.js';
import type { RetrainingFacts, SeenTrigger } from './retraining-facts.js';
import { type RetrainingCost, retrainingValue } from '../evaluation/retraining-value.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import type { UpstreamFault } from '../contracts/window-drift.js';
import { findUpstreamFaults } from './upstream-faults.js';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 2, 15);

const seen = (trigger: SeenTrigger['trigger']): SeenTrigger => ({ trigger, because: `${trigger} was seen.` });
/** 0.01 of loss a row, 10,000 rows a day, 30 days, 0.5 a unit of loss: 1,500 are saved. */
const GAIN: ExpectedGain = { estimate: 0.01, low: 0.002, high: 0.018, rowsPerDay: 10_000 };
const COST: RetrainingCost = { perLossUnit: 0.5, training: 400, release: 600, horizonMs: 30 * DAY };
const HARM: HarmStanding = { rows: 5_000, missing: 10, mean: 0.2, lower: 0.18, limit: 0.25, evidence: 1, threshold: 40, alarm: null };
const FAULT: UpstreamFault = { kind: 'unitChange', features: ['temperature'], unit: 'Fahrenheit to Celsius', because: 'temperature came in Celsius.' };

const FACTS: RetrainingFacts = {
  atMs: NOW, window: { fromMs: NOW - DAY, untilMs: NOW }, triggers: [seen('harmfulDrift')], request: null, faults: [], change: null, harm: HARM,
  data: { trainingRows: 50_000, minimumRows: 1_000, sinceChange: 4_000, minimumSinceChange: 2_000 }, gain: GAIN, cost: COST,
  cooldown: { lastEndedMs: NOW - 10 * DAY, lengthMs: 7 * DAY }, active: null,
  budget: { retrains: 1, maximumRetrains: 4, trainingHours: 3, maximumTrainingHours: 10, expectedHours: 2 },
};

const COOLING = { cooldown: { lastEndedMs: NOW - 2 * DAY, lengthMs: 7 * DAY } };
const SPENT = { budget: { ...FACTS.budget, retrains: 4 } };
const COSTLY = { cost: { ...COST, training: 5_000 } };
const UNCHANGED = { data: { ...FACTS.data, sinceChange: 100 } };
const asked = (forced = false): Partial<RetrainingFacts> => ({ request: { by: 'ops', forced }, triggers: [] });
const by = (trigger: SeenTrigger['trigger']): Partial<RetrainingFacts> => ({ triggers: [seen(trigger)] });

type Case = readonly [string, Partial<RetrainingFacts>, object];

const CASES: readonly Case[] = [
  ['retrains on harmful drift', {}, { outcome: 'retrain', reason: null, trigger: 'harmfulDrift', forced: false, because: 'harmfulDrift was seen.' }],
  ['retrains on performance', by('performance'), { outcome: 'retrain', trigger: 'performance' }],
  ['retrains on new labelled rows', by('newLabelledRows'), { outcome: 'retrain', trigger: 'newLabelledRows' }],
  ['retrains on schedule', by('schedule'), { outcome: 'retrain', trigger: 'schedule' }],
  ['tries a candidate', by('trial'), { outcome: 'retrain', trigger: 'trial' }],
  ['tries one though few rows came since the change and a retrain is not worth it: its gate sees', { ...by('trial'), ...UNCHANGED, ...COSTLY }, { outcome: 'retrain', trigger: 'trial' }],
  ['tries one where a stronger trigger is held back', { triggers: [seen('performance'), seen('trial')], ...UNCHANGED }, { outcome: 'retrain', trigger: 'trial', because: 'trial was seen.' }],
  ['tries none in the cooldown', { ...by('trial'), ...COOLING }, { outcome: 'wait', reason: 'cooldown', trigger: 'trial' }],
  ['tells of the strongest trigger where all are held back', { triggers: [seen('performance'), seen('trial')], ...COOLING }, { outcome: 'wait', reason: 'cooldown', trigger: 'performance' }],
  ['tries none of a few rows', { ...by('trial'), data: { ...FACTS.data, trainingRows: 10 } }, { outcome: 'wait', reason: 'notEnoughData' }],
  ['takes the strongest of several triggers', { triggers: [seen('dataDrift'), seen('schedule'), seen('performance')] }, { outcome: 'retrain', trigger: 'performance' }],
  ['quarantines a faulty window', { faults: [FAULT, FAULT] }, { outcome: 'quarantine', reason: null, because: 'temperature came in Celsius. (1 more fault.)' }],
  ['quarantines a faulty window though nothing asks for a retrain', { faults: [FAULT], triggers: [] }, { outcome: 'quarantine', trigger: null }],
  ['quarantines against a request', { faults: [FAULT], ...asked() }, { outcome: 'quarantine', forced: false }],
  ['retrains against a fault where a person forces it', { faults: [FAULT], ...asked(true) }, { outcome: 'retrain', trigger: 'request', forced: true, because: 'ops asked for it, and forces it.' }],
  ['waits while a retrain is under way', { active: 12 }, { outcome: 'wait', reason: 'active', because: 'Retrain 12 is under way.' }],
  ['waits while a retrain runs even where a person forces another', { active: 12, ...asked(true) }, { outcome: 'wait', reason: 'active', forced: false }],
  ['waits where nothing asks for one', { triggers: [] }, { outcome: 'wait', reason: 'nothing', trigger: null, because: 'Nothing asks for a retrain; the mean loss of 5000 rows is 0.2, and harm begins above 0.25.' }],
  ['waits out the cooldown', COOLING, { outcome: 'wait', reason: 'cooldown', because: 'The cooldown of 7 days after the last retrain goes on for 5 days.' }],
  ['is out of the cooldown at its end', { cooldown: { lastEndedMs: NOW - 7 * DAY, lengthMs: 7 * DAY } }, { outcome: 'retrain' }],
  ['knows no cooldown before the first retrain', { cooldown: { lastEndedMs: null, lengthMs: 7 * DAY } }, { outcome: 'retrain' }],
  ['does not wait out the cooldown on request', { ...COOLING, ...asked() }, { outcome: 'retrain', trigger: 'request', forced: false }],
  ['waits where the retrains of the month are used', SPENT, { outcome: 'wait', reason: 'budget', because: '4 of 4 retrains and 3 of 10 training hours of this month are used.' }],
  ['waits where one more would take too many hours', { budget: { ...FACTS.budget, trainingHours: 9 } }, { outcome: 'wait', reason: 'budget', because: expect.stringContaining('9 of 10 training hours') }],
  ['uses the last hours of a budget', { budget: { ...FACTS.budget, trainingHours: 8 } }, { outcome: 'retrain' }],
  ['needs no budget', { budget: { ...FACTS.budget, maximumRetrains: null, maximumTrainingHours: null } }, { outcome: 'retrain' }],
  ['keeps the budget against a request', { ...SPENT, ...asked() }, { outcome: 'wait', reason: 'budget' }],
  ['goes beyond the budget where a person forces it', { ...SPENT, ...asked(true) }, { outcome: 'retrain', forced: true }],
  ['waits for rows of the training window', { data: { ...FACTS.data, trainingRows: 999 } }, { outcome: 'wait', reason: 'notEnoughData', because: 'The training window has 999 of 1000 labelled rows.' }],
  ['waits for them whoever forces it', { data: { ...FACTS.data, trainingRows: 999 }, ...asked(true) }, { outcome: 'wait', reason: 'notEnoughData' }],
  ['waits for rows since the change', UNCHANGED, { outcome: 'wait', reason: 'notEnoughData', because: '100 of 2000 labelled rows have come since the change.' }],
  ['does not wait for rows since the change on request', { ...UNCHANGED, ...asked() }, { outcome: 'retrain', forced: false }],
  ['does not wait for rows since a change where none is known', { data: { ...FACTS.data, sinceChange: null } }, { outcome: 'retrain' }],
  ['waits where it costs more than it saves', COSTLY, { outcome: 'wait', reason: 'notWorthIt', because: 'A retrain is expected to save 1500 [300, 2700] and costs 5600; it pays from a gain of 0.0373 a row on.' }],
  ['waits where it saves just what it costs', { cost: { ...COST, training: 900 } }, { outcome: 'wait', reason: 'notWorthIt' }],
  ['does not weigh a request', { ...COSTLY, ...asked() }, { outcome: 'retrain', trigger: 'request', forced: false }],
  ['retrains on harm where the gain is not known', { gain: null }, { outcome: 'retrain' }],
  ['waits with a schedule where the gain is not known', { gain: null, ...by('schedule') }, { outcome: 'wait', reason: 'notWorthIt' }],
  ['retrains on schedule where neither gain nor costs are known', { gain: null, cost: null, ...by('schedule') }, { outcome: 'retrain' }],
  ['waits on schedule where nothing is gained, whatever the cost', { gain: { ...GAIN, estimate: -0.001, low: -0.01 }, cost: null, ...by('schedule') }, { outcome: 'wait', reason: 'notWorthIt' }],
  ['waits where no row comes that could pay', { gain: { ...GAIN, rowsPerDay: 0 } }, { outcome: 'wait', because: expect.stringContaining('it can never pay') }],
  ['waits on drift that pays by the estimate alone', by('dataDrift'), { outcome: 'wait', reason: 'notWorthIt', because: expect.stringContaining('by the low end') }],
  ['retrains on drift that surely pays', { ...by('dataDrift'), gain: { ...GAIN, low: 0.008 } }, { outcome: 'retrain', trigger: 'dataDrift' }],
  ['waits on drift where the gain is not known', { ...by('dataDrift'), gain: null }, { outcome: 'wait', reason: 'notWorthIt' }],
  ['waits on drift where neither gain nor costs are known', { ...by('dataDrift'), gain: null, cost: null }, { outcome: 'wait', reason: 'notWorthIt' }],
  ['weighs drift without costs by what is surely gained', { ...by('dataDrift'), cost: null }, { outcome: 'retrain', trigger: 'dataDrift' }],
];

describe('decideRetraining', () => {
  it.each(CASES)('%s', (_, given, expected) => {
    expect(decideRetraining({ ...FACTS, ...given })).toMatchObject(expected);
  });

  it('has a case that each rule decides', () => {
    const deciding = CASES.map(([, given]) => decideRetraining({ ...FACTS, ...given }).rules.find(({ verdict }) => verdict === 'hold')?.rule);
    expect(new Set(deciding)).toEqual(new Set<RetrainingRule | undefined>([undefined, ...RETRAINING_RULES]));
  });

  it('decides by the first rule that holds, and tells the verdicts of all', () => {
    let left: Partial<RetrainingFacts> = { faults: [FAULT], active: 1, triggers: [], ...COOLING, ...SPENT, data: { ...FACTS.data, trainingRows: 0 } };
    const decisions = [...RETRAINING_RULES].map((rule) => {
      const { outcome, reason, rules } = decideRetraining({ ...FACTS, ...left });
      expect(rules.map((one) => one.rule)).toEqual(RETRAINING_RULES);
      for (const { because } of rules) expect(because).toMatch(/^\S.*\.$|\)$/);
      const fixed: Record<RetrainingRule, Partial<RetrainingFacts>> = {
        upstreamFault: { faults: [] }, active: { active: null }, trigger: { triggers: [seen('schedule')], gain: null },
        cooldown: { cooldown: FACTS.cooldown }, budget: { budget: FACTS.budget }, data: { data: FACTS.data }, worth: { gain: GAIN },
      };
      left = { ...left, ...fixed[rule] };
      return outcome === 'wait' ? reason : outcome;
    });
    expect(decisions).toEqual(['quarantine', 'active', 'nothing', 'cooldown', 'budget', 'notEnoughData', 'notWorthIt']);
    expect(decideRetraining({ ...FACTS, ...left }).outcome).toBe('retrain');
  });

  it('carries its inputs, and is JSON', () => {
    const decision = decideRetraining({ ...FACTS, ...SPENT, ...COOLING, ...asked(true) });
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
    expect(decision.facts).toEqual({ ...FACTS, ...SPENT, ...COOLING, ...asked(true) });
    expect(decision.rules.filter(({ verdict }) => verdict === 'overridden').map(({ rule }) => rule)).toEqual(['cooldown', 'budget']);
  });

  it('refuses figures that make no sense', () => {
    for (const [given, fault] of [
      [{ gain: { ...GAIN, estimate: NaN } }, /gain/], [{ gain: { ...GAIN, low: 0.5 } }, /interval/], [{ gain: { ...GAIN, rowsPerDay: -1 } }, /rowsPerDay/],
      [{ cost: { ...COST, horizonMs: Infinity } }, /horizonMs/], [{ cost: { ...COST, release: -1 } }, /release/], [{ atMs: NaN }, /atMs/],
      [{ data: { ...FACTS.data, trainingRows: NaN } }, /trainingRows/], [{ budget: { ...FACTS.budget, expectedHours: NaN } }, /expectedHours/],
    ] as const) expect(() => decideRetraining({ ...FACTS, ...given })).toThrow(fault);
  });
});

describe('the value of a retrain', () => {
  it('is the gain times rows, days and the cost of a loss', () => {
    const value = retrainingValue(GAIN, COST)!;
    expect(value.saved.estimate).toBeCloseTo(1_500, 9);
    expect(value.saved.low).toBeCloseTo(300, 9);
    expect(value.saved.high).toBeCloseTo(2_700, 9);
    expect(value.cost).toBe(1_000);
    expect(retrainingValue({ ...GAIN, estimate: value.breakEven! }, COST)!.saved.estimate).toBeCloseTo(value.cost, 9);
    expect(retrainingValue({ ...GAIN, rowsPerDay: 0 }, COST)!.breakEven).toBeNull();
    expect([retrainingValue(null, COST), retrainingValue(GAIN, null)]).toEqual([null, null]);
  });
});

describe('a season', () => {
  it('never retrains: PSI is high, but no harm is shown and no gain is sure', () => {
    const uniform = seededRandom(11);
    const baseline = Float64Array.from({ length: 3_000 }, () => 60 + 30 * uniform());
    let state = startCounterfactuals(NOW);
    let fired = 0;
    for (let day = 0; day < 365; day++) {
      const level = 30 * Math.sin((2 * Math.PI * day) / 365);
      const measured = [numericDrift('temperature', baseline, Float64Array.from({ length: 500 }, () => 60 + level + 30 * uniform()))];
      const step = stepCounterfactuals(state, { closed: { untilMs: NOW, features: measured }, counted: null });
      ({ state } = step);
      fired += step.retrained.includes('psi') ? 1 : 0;
      const [estimate, half] = [0.02 * (uniform() - 0.5), 0.02];
      const gain = uniform() < 0.2 ? null : { estimate, low: estimate - half, high: estimate + half, rowsPerDay: 10_000 };
      const faults = findUpstreamFaults(measured, [{ name: 'temperature', type: 'number', maxMissing: 0 }]);
      expect(faults).toEqual([]);
      const triggers = measured.some(({ psi }) => psi! > 0.2) ? [seen('dataDrift')] : [];
      const cost = uniform() < 0.5 ? null : { ...COST, training: 0, release: 0 };
      expect(decideRetraining({ ...FACTS, faults, triggers, gain, cost })).toMatchObject({ outcome: 'wait', reason: triggers.length > 0 ? 'notWorthIt' : 'nothing' });
    }
    expect(fired).toBeGreaterThan(0);
  });
});
