import { describe, expect, it } from 'vitest';
import type { BacktestDecision, BacktestOutcome, BacktestPolicy, BacktestStep, PolicyBacktest, PolicyFigures } from '../contracts/policy-backtest.js';
import { backtestPlot } from './backtest-plot.js';
import { BacktestProgress } from './backtest-progress.js';
import { backtestReport } from './backtest-report.js';
import { RecordedTerminal } from './testing/recorded-terminal.js';

const DAY = 86_400_000;
const ZERO = Date.parse('2024-01-04T00:00:00Z');
const day = (number: number): string => new Date(ZERO + number * DAY).toISOString();
const FILES = { result: 'out/backtest.json', plot: 'out/backtest.svg' };

const stepOf = (place: number, meanLoss: number | null): BacktestStep => ({ start: day(7 * place), end: day(7 * place + 7), version: 1, rows: 100, labelled: meanLoss === null ? 0 : 90, meanLoss });
const decision = (at: number, changes: Partial<BacktestDecision>): BacktestDecision =>
  ({ at: day(at), window: { start: day(at - 7), end: day(at) }, outcome: 'wait', reason: null, trigger: 'performance', because: 'The loss rose.', retrain: null, ...changes });
const retrain = (at: number, outcome: BacktestOutcome): BacktestDecision => decision(at, { outcome: 'retrain', retrain: { outcome, version: outcome === 'failed' ? null : 7, because: '' } });

function figuresOf(policy: BacktestPolicy, losses: readonly (number | null)[], changes: Partial<PolicyFigures> = {}): PolicyFigures {
  const steps = losses.map((loss, place) => stepOf(place, loss));
  return {
    policy, retrains: 0, promoted: 0, rows: 300, labelled: 270, totalLoss: 54, meanLoss: 0.2, lossAvoided: 0, lossAvoidedPer1000Rows: 0, cost: null, net: null, decisions: [], steps, ...changes,
  };
}

const result = (changes: Partial<PolicyBacktest> = {}): PolicyBacktest => ({
  model: 'a<b', specDigest: 'sha256:0', source: 'a/*.parquet', from: day(0), until: day(21), window: 'P7D', labelHorizon: 'P1D', loss: { metric: 'brier', bound: 1 }, triggers: { listed: ['performance'], by: 'spec' },
  costs: null, warnings: [], versions: [],
  policies: [
    figuresOf('never', [0.2, 0.3, 0.3]), figuresOf('monthly', [0.2, 0.3, 0.1], { lossAvoided: 18, lossAvoidedPer1000Rows: 66.67, retrains: 1, promoted: 1, decisions: [retrain(14, 'promoted')] }),
    figuresOf('psi', [0.2, 0.4, 0.3], { lossAvoided: -9, lossAvoidedPer1000Rows: -33.333 }), figuresOf('cusum', [0.2, 0.3, 0.3]),
    figuresOf('spec', [0.2, 0.3, 0.3], { decisions: [decision(7, { outcome: 'quarantine', trigger: null, because: 'x is frozen.' }), decision(8, { reason: 'notEnoughData' }), decision(14, { reason: 'notEnoughData' }), retrain(15, 'failed')] }),
  ],
  ...changes,
});

const report = (changes: Partial<PolicyBacktest> = {}, columns = 140): string => backtestReport(new RecordedTerminal({ columns }), result(changes), FILES);

describe('the report of a backtest', () => {
  it('has a line for each policy, and what was decided under the spec', () => {
    const text = report();
    expect(text).toContain('a<b: 3 windows of P7D, 2024-01-04 until 2024-01-25, 270 rows with a label; loss: brier');
    expect(text).toMatch(/^monthly +1 +1 +0\.2000 +\+18\.00 +\+66\.67 +– +–$/m);
    expect(text).toMatch(/^psi +0 +0 +0\.2000 +−9\.000 +−33\.33 +– +–$/m);
    expect(text).toContain('A retrain of `spec` was held back 2 times by notEnoughData.');
    expect(text).toMatch(/^2024-01-11 00:00:00Z +quarantine +x is frozen\.$/m);
    expect(text).toMatch(/^2024-01-19 00:00:00Z +performance: failed +The loss rose\.$/m);
    expect(text).toContain('no `retraining.costs`');
    expect(text).toContain('out/backtest.svg');
  });

  it('prices, where the spec does', () => {
    const [never, monthly, ...others] = result().policies;
    const text = report({ costs: { perLossUnit: 100, training: 10, release: 20 }, policies: [{ ...never!, cost: 0, net: 0 }, { ...monthly!, cost: 30, net: 1_770.5 }, ...others] });
    expect(text).toMatch(/^monthly .* 30 +\+1,770\.5$/m);
    expect(text).not.toContain('retraining.costs');
  });

  it('says where the triggers come from, that there are none, and what warns', () => {
    expect(report({ triggers: { listed: ['schedule'], by: 'option' } })).toContain('tried with the triggers schedule (--triggers)');
    const none = report({ triggers: { listed: [], by: 'spec' }, warnings: ['Mind the gap.'] });
    expect(none).toContain('never retrains by itself');
    expect(none).toMatch(/^Mind the gap\.$/m);
  });
});

describe('the picture of a backtest', () => {
  const plot = backtestPlot(result());

  it('has a line a policy in both panels, a lane for each that may retrain, and a mark for each retrain', () => {
    expect(plot.match(/<path d="M[\d.]+ [\d.]+L/g)).toHaveLength(10);
    for (const name of ['monthly', 'PSI &gt; 0.2', 'CUSUM', 'spec']) expect(plot.split(`>${name}</text>`)).toHaveLength(3);
    // Beside those of the legend.
    expect(plot.match(/<circle [^>]*fill="#c07a1c"/g)).toHaveLength(1);
    expect(plot.match(/l8 8m0 -8l-8 8/g)).toHaveLength(2);
    expect(plot.match(/<rect [^>]*fill="#d5dbe1"/g)).toHaveLength(2);
    expect(plot).toContain('a&lt;b: retraining policies over 2024-01-04 to 2024-01-25');
    expect(plot).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('is drawn of a few windows too, of hours, of years, and where losses are the same or not known', () => {
    const played = (policies: readonly PolicyFigures[], until: string): string => backtestPlot(result({ policies, until }));
    const same = (losses: readonly (number | null)[]): PolicyFigures[] => (['never', 'monthly', 'psi', 'cusum', 'spec'] as const).map((policy) => figuresOf(policy, losses));
    for (const drawn of [played(same([0.2, 0.2]), day(14)), played(same([0.2, null, 0.2]), day(21)), played(same([0.2, 0.3]), day(1 / 6)), played(same([0.2, 0.3]), day(3_000))]) {
      expect(drawn).not.toMatch(/NaN|Infinity|undefined/);
      expect(drawn.match(/text-anchor="middle" fill="#6b7785">\d{2,4}-\d\d/g)!.length).toBeGreaterThanOrEqual(4);
    }
  });
});

describe('the progress of a backtest', () => {
  const tell = (progress: BacktestProgress): void => {
    progress.reading('a/*.parquet');
    progress.playing({ windows: 3, from: day(0), until: day(21), rows: 12_345 });
    progress.training(1, day(0), null);
    progress.training(1, day(0), { done: 10, total: 40 });
    progress.passed({ atMs: ZERO + 7 * DAY }, 1, 4);
    progress.decided('spec', { atMs: ZERO + 7 * DAY, outcome: 'wait', retrain: null });
    progress.decided('spec', { atMs: ZERO + 7 * DAY, outcome: 'retrain', retrain: { outcome: 'promoted', version: { number: 2 } } });
    progress.finish();
  };

  it('is a line for each training and each retrain', () => {
    const terminal = new RecordedTerminal();
    tell(new BacktestProgress(terminal, true));
    expect(terminal.stderr).toBe([
      'Reading a/*.parquet', '12,345 rows; playing 3 windows from 2024-01-04 00:00:00Z until 2024-01-25 00:00:00Z', 'training version 1 on the data up to 2024-01-04 00:00:00Z',
      '2024-01-11 00:00:00Z  spec: retrain, version 2: promoted', '',
    ].join('\n'));
  });

  it('is one line that is drawn again where a person watches, and is gone at the end', () => {
    const terminal = new RecordedTerminal({ interactive: true, columns: 60 });
    tell(new BacktestProgress(terminal, true));
    const drawn = terminal.stderr.split('\r\u001b[2K');
    expect(drawn.some((line) => line.startsWith('training version 1'))).toBe(true);
    expect(drawn).toContain(' 25%  2024-01-11  ');
    expect(Math.max(...drawn.slice(1).map((line) => [...line].length))).toBeLessThan(60);
    expect(drawn.at(-1)).toBe('');
  });

  it('says nothing beside a document', () => {
    const terminal = new RecordedTerminal();
    tell(new BacktestProgress(terminal, false));
    expect(terminal.stderr).toBe('');
  });
});
