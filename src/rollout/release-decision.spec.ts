import { describe, expect, it } from 'vitest';
import type { ComparisonStanding, ReleaseMeasurement, ReleasePlan, ReleaseState } from '../contracts/releases.js';
import { decideRelease, type ReleaseFacts } from './release-decision.js';

const DAY_MS = 86_400_000;

const PLAN: ReleasePlan = {
  planVersion: 1, model: 'm', number: 1, deployment: 'default', version: 2, champion: 1, epoch: 5, specDigest: 'sha256:0', task: 'binary-classification',
  checkEveryMs: 60_000, labelHorizonMs: DAY_MS,
  shadow: { minimumTimeMs: 14 * DAY_MS, maximumTimeMs: 56 * DAY_MS, minimumSamples: 1_000 },
  canary: { steps: [5, 50], minimumTimeMs: DAY_MS, minimumSamples: 100 }, watch: { timeMs: 14 * DAY_MS },
  comparison: { metric: 'brier', bound: 1, alpha: 0.05, margin: 0.01, minimumSamples: 1_000, maximumSamples: 100_000, method: 'asymptotic', blockMs: DAY_MS, dependence: 'blocks', minimumBlocks: 7, tunedFor: 10_000, assumedDeviation: 0.1 },
  outcomes: { better: 'promote', notWorse: 'promote', worse: 'abort', inconclusive: 'hold' },
  guards: { maximumErrorRate: 0.01, slowAfterMs: 250, maximumSlowShare: 0.01, maximumOutputShift: 0.3 },
};
const STATE: ReleaseState = {
  id: { model: 'm', number: 1 }, deployment: 'default', version: 2, stage: 'shadow', step: null, paused: false, requested: null, sinceMs: 0, since: '2026-01-01T00:00:00.000Z',
  transitions: 2, plan: PLAN, planDigest: 'sha256:1', promotedEpoch: null, outcome: null, reason: null, tier: 'low',
};
const STANDING: ComparisonStanding = { analysis: 2, samples: 5_000, missingLabels: 50, gain: 0.02, low: 0.01, high: 0.03, outcome: 'better', exhausted: false, blocks: 14, untilMs: 14 * DAY_MS };
const MEASUREMENT: ReleaseMeasurement = {
  measuredAt: '2026-01-20T00:00:00.000Z', transitions: 2, streamTimeMs: 15 * DAY_MS, firstEventMs: 0, comparison: STANDING, complete: true, revised: null, unlabelled: null,
  traffic: { requests: 200, rows: 200, errors: 0, slow: 0, mirrored: { executed: 0, dropped: 0, failed: 0 } }, breaches: [], tallies: [], stretch: { number: 1, from: [] },
};
const BREACH = { guard: 'errorRate', measured: 0.5, limit: 0.01, explanation: 'Guard errorRate: half of the requests failed.' } as const;

interface Given {
  readonly state?: Partial<ReleaseState>;
  readonly plan?: Partial<ReleasePlan>;
  readonly measured?: Partial<ReleaseMeasurement> | null;
  readonly standing?: Partial<ComparisonStanding> | null;
  readonly routing?: Partial<ReleaseFacts['routing']>;
  readonly monitoring?: ReleaseFacts['monitoring'];
}

function decide({ state, plan, measured, standing, routing, monitoring = null }: Given) {
  const comparison = standing === null ? null : { ...STANDING, ...standing };
  return decideRelease({
    state: { ...STATE, plan: { ...PLAN, ...plan }, ...state },
    measurement: measured === null ? null : { ...MEASUREMENT, comparison, ...measured },
    routing: { champion: 1, epoch: 5, rolledBackBy: null, ...routing }, monitoring,
  });
}

const CANARY = { stage: 'canary', step: 0 } as const;
const WATCH: Given = { state: { stage: 'watch', promotedEpoch: 6 }, routing: { champion: 2, epoch: 6 } };
const undecided = { outcome: 'inconclusive', low: -0.01 } as const;

const CASES: readonly (readonly [string, Given, object])[] = [
  ['begins the shadow when its turn has come', { state: { stage: 'queued', plan: null }, measured: null, monitoring: { proven: true, explanation: '' } }, { action: 'advance', step: -1 }],
  ['does not begin a step while monitoring is not proven', { monitoring: { proven: false, explanation: 'no receiver' } }, { action: 'hold', reason: expect.stringContaining('no receiver') }],
  ['goes from the shadow to the first canary step', {}, { action: 'advance', step: 0, reason: expect.stringMatching(/\+0\.0200 \[\+0\.0100, \+0\.0300\].*5000 pairs/) }],
  ['waits for the minimum time', { measured: { streamTimeMs: 13 * DAY_MS } }, { action: 'hold', reason: expect.stringContaining('1 day of event time') }],
  ['waits for the minimum samples', { standing: { samples: 900 } }, { action: 'hold', reason: expect.stringContaining('100 of 1000 pairs') }],
  ['waits for a first observation', { measured: { streamTimeMs: null } }, { action: 'hold', reason: expect.stringContaining('first observation') }],
  ['counts from the first event where the stage began before any', { state: { sinceMs: null }, measured: { firstEventMs: 10 * DAY_MS } }, { action: 'hold' }],
  ['is promoted after the last canary step', { state: { stage: 'canary', step: 1 } }, { action: 'promote' }],
  ['goes from step to step', { state: CANARY }, { action: 'advance', step: 1 }],
  ['waits for the answers of a step', { state: CANARY, measured: { traffic: { ...MEASUREMENT.traffic!, rows: 10 } } }, { action: 'hold', reason: expect.stringContaining('90 of 100 answers') }],
  ['goes on when not worse', { standing: { outcome: 'not-worse' } }, { action: 'advance' }],
  ['rejects what is not better where the spec asks so', { standing: { outcome: 'not-worse' }, plan: { outcomes: { ...PLAN.outcomes, notWorse: 'abort' } } }, { action: 'finish', outcome: 'rejected', unfit: true }],
  ['leaves a better one to a person where the spec says so', { plan: { outcomes: { ...PLAN.outcomes, better: 'hold' } } }, { action: 'wait-for-person' }],
  ['rejects a worse one at any time', { measured: { streamTimeMs: DAY_MS }, standing: { outcome: 'worse' } }, { action: 'finish', outcome: 'rejected', unfit: true }],
  ['leaves a worse one to a person where the spec says so', { standing: { outcome: 'worse' }, plan: { outcomes: { ...PLAN.outcomes, worse: 'hold' } } }, { action: 'wait-for-person' }],
  ['goes nowhere before every closed block is read', { measured: { complete: false } }, { action: 'hold', reason: expect.stringContaining('being read') }],
  ['goes on undecided', { standing: undecided }, { action: 'hold', reason: expect.stringContaining('not decided') }],
  ['never promotes when the samples are used up', { standing: { ...undecided, exhausted: true } }, { action: 'wait-for-person', reason: expect.stringContaining('used up') }],
  ['never promotes when the time is over', { measured: { streamTimeMs: 60 * DAY_MS }, standing: undecided, plan: { outcomes: { ...PLAN.outcomes, inconclusive: 'abort' } } }, { action: 'finish', outcome: 'inconclusive', unfit: false }],
  ['is demoted by labels that came later', { measured: { revised: { ...STANDING, analysis: 4, ...undecided } } }, { action: 'hold' }],
  ['is not promoted by labels that came later', { standing: undecided, measured: { comparison: { ...STANDING, ...undecided }, revised: STANDING } }, { action: 'hold' }],
  ['is rejected by labels that came later', { measured: { revised: { ...STANDING, outcome: 'worse' } } }, { action: 'finish', outcome: 'rejected' }],
  ['rejects on a breach before the promotion', { state: CANARY, measured: { breaches: [BREACH] } }, { action: 'finish', outcome: 'rejected', unfit: true, reason: BREACH.explanation }],
  ['rejects on a breach though it is paused', { state: { paused: true }, measured: { breaches: [BREACH] } }, { action: 'finish', outcome: 'rejected' }],
  ['stands still while it is paused', { state: { paused: true } }, { action: 'hold' }],
  ['takes back on a breach in the watch', { ...WATCH, measured: { breaches: [BREACH] } }, { action: 'roll-back', outcome: 'rolled-back', unfit: true }],
  ['takes back what loses more in the watch', { ...WATCH, standing: { outcome: 'worse' } }, { action: 'roll-back', unfit: true }],
  ['takes back what is aborted in the watch', { ...WATCH, state: { ...WATCH.state, requested: 'abort' } }, { action: 'roll-back', outcome: 'aborted', unfit: false }],
  ['ends its watch', WATCH, { action: 'finish', outcome: 'promoted' }],
  ['goes on watching', { ...WATCH, measured: { streamTimeMs: DAY_MS } }, { action: 'hold', reason: expect.stringContaining('13 days') }],
  ['is aborted when the champion moves', { routing: { champion: 3, epoch: 6 } }, { action: 'finish', outcome: 'aborted' }],
  ['is aborted when the epoch moves', { routing: { epoch: 7 } }, { action: 'finish', outcome: 'aborted' }],
  ['ends when it is taken back by hand in its watch', { ...WATCH, routing: { champion: 1, epoch: 7, rolledBackBy: 'ops' } }, { action: 'finish', outcome: 'rolled-back', unfit: false }],
  ['goes to the next step when a person says so', { state: { requested: 'advance' }, measured: { streamTimeMs: null } }, { action: 'advance', step: 0 }],
  ['decides nothing by a measurement from before the last step', { measured: { transitions: 1, breaches: [BREACH] } }, { action: 'hold' }],
  ['stays ended', { state: { outcome: 'promoted' }, measured: { breaches: [BREACH] } }, { action: 'hold' }],
];

describe('decideRelease', () => {
  it.each(CASES)('%s', (_, given, expected) => {
    expect(decide(given)).toMatchObject(expected);
  });

  it('promotes straight from the shadow where there is no canary', () => {
    expect(decide({ plan: { canary: { ...PLAN.canary, steps: [] } } })).toMatchObject({ action: 'promote' });
  });
});
