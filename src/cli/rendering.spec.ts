import { describe, expect, it } from 'vitest';
import type { RetrainDetail } from '../api/retrains/retrains.dto.js';
import { RETRAIN_STAGES } from '../contracts/retrains.js';
import { progressBar } from './progress-bar.js';
import { RetrainProgress } from './retrain-progress.js';
import { facts, table } from './table.js';
import { RecordedTerminal } from './testing/recorded-terminal.js';
import { verdictReport } from './verdict-report.js';

const estimate = (value: number) => ({ value, low: value - 0.01, high: value + 0.01 });

const RETRAIN: RetrainDetail = {
  model: 'flight-delay', number: 3, deployment: 'default', trigger: 'request', asOf: null, stage: 'requested', outcome: null, reason: null, failure: null,
  version: null, promotedEpoch: null, requestedBy: 'engineer', requestedAt: '2026-01-01T00:00:00.000Z', finishedAt: null, workflowId: 'retrain/flight-delay/3',
  links: { self: '/v1/models/flight-delay/retrains/3', model: '/v1/models/flight-delay', version: null, temporal: 'http://127.0.0.1:8233/x' },
  specDigest: 'sha256:0', commandId: '00000000-0000-4000-8000-000000000000', snapshot: null, dataReport: null, training: null, evaluation: null, historyDigest: null, seconds: null,
};
const training = (done: number, attempts = 1): Partial<RetrainDetail> => ({
  stage: 'train', training: { attempts, progress: { done, total: 200 }, device: null, startedAt: '2026-01-01T00:00:00.000Z', finishedAt: null, seconds: null },
});

describe('tables', () => {
  const columns = [{ title: 'Name' }, { title: 'Rows', align: 'right' as const }, { title: 'Why' }];

  it('stand in columns, numbers by their end', () => {
    expect(table(new RecordedTerminal(), columns, [['a', '1', 'x'], ['bcd', '1,000', 'y']], '')).toBe('Name   Rows  Why\na         1  x\nbcd   1,000  y\n');
  });

  it('are never wider than the terminal', () => {
    for (const width of [30, 60, 100]) {
      const lines = table(new RecordedTerminal({ columns: width }), columns, [['name', '7', 'because '.repeat(40)]], '').split('\n');
      expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(width);
      expect(lines[1]).toContain('…');
    }
  });

  it('say so when they are empty', () => {
    expect(table(new RecordedTerminal(), columns, [], 'Nothing yet')).toBe('Nothing yet\n');
  });

  it('let no text move the cursor', () => {
    const shown = table(new RecordedTerminal(), columns, [['\u001b[2Ja\nb', '1', '\u202e']], '') + facts(new RecordedTerminal(), [['x', '\u001b]0;title\u0007']]);
    expect(shown).not.toMatch(/\u001b|\u202e|\u0007/);
    expect(shown.split('\n')).toHaveLength(4);
  });
});

describe('progress', () => {
  it('is a bar of one length', () => {
    expect(progressBar(0, 200, 10)).toBe('░░░░░░░░░░   0%  0/200');
    expect(progressBar(50, 200, 10)).toBe('███░░░░░░░  25%  50/200');
    expect(progressBar(250, 200, 10)).toBe('██████████ 100%  250/200');
    expect(progressBar(0, 0, 4)).toBe('░░░░   0%  0/0');
  });

  it('is plain lines where nobody watches', () => {
    const terminal = new RecordedTerminal();
    const progress = new RetrainProgress(terminal);
    for (const stage of RETRAIN_STAGES) {
      progress.update({ ...RETRAIN, stage });
      if (stage === 'train') for (let done = 0; done <= 200; done += 1) progress.update({ ...RETRAIN, ...training(done, done > 100 ? 2 : 1) });
    }
    progress.finish();
    expect(terminal.stderr).not.toMatch(/[\r\u001b]/);
    const lines = terminal.stderr.trimEnd().split('\n');
    expect(lines.slice(0, 5)).toEqual(['requested', 'snapshot', 'validate data', 'train', 'train 20/200']);
    expect(lines.filter((line) => line.startsWith('train '))).toHaveLength(10);
    expect(lines).toContain('train 200/200  (attempt 2)');
    expect(lines.at(-1)).toBe('promote');
  });

  it('is one line a stage where somebody watches', () => {
    let now = 0;
    const terminal = new RecordedTerminal({ interactive: true });
    const progress = new RetrainProgress(terminal, () => now);
    progress.update({ ...RETRAIN, stage: 'snapshot' });
    now = 1_500;
    progress.update({ ...RETRAIN, ...training(100) });
    now = 4_000;
    progress.update({ ...RETRAIN, stage: 'finished', outcome: 'failed' });
    progress.finish();
    expect(terminal.stderr.split('\n').map((line) => line.split('\r').at(-1)?.replace('\u001b[2K', ''))).toEqual(['✓ snapshot       1.5 s', '✓ train          2.5 s', '']);
    expect(terminal.stderr).toContain('50%  100/200');
  });
});

describe('the verdict', () => {
  const ended: RetrainDetail = {
    ...RETRAIN, stage: 'finished', outcome: 'promoted', reason: 'AUC rose by 0.02', version: 2, promotedEpoch: 2, seconds: 12.3,
    evaluation: {
      version: 2, deployment: 'default', verdict: 'pass', championVersion: 1, epoch: 1, snapshotDigest: 'sha256:1', rows: 5_000,
      window: { start: '2026-01-01T00:00:00.000Z', end: '2026-01-29T00:00:00.000Z' }, metrics: { auc: estimate(0.72) }, championMetrics: { auc: estimate(0.7) },
      undefinedBecause: {}, comparison: { metric: 'auc', rows: 5_000, blocks: 28, candidate: 0.72, champion: 0.7, gain: estimate(0.02) }, recentGain: null, slices: [], fairness: null,
      checks: [{ name: 'comparison', verdict: 'pass', explanation: 'better on the same rows', measured: estimate(0.02), required: 'gain above 0' }],
      evaluatedAt: '2026-01-30T00:00:00.000Z',
    },
  };

  it('comes with the numbers that say why', () => {
    const report = verdictReport(new RecordedTerminal({ columns: 140 }), ended);
    expect(report).toMatch(/^PROMOTED {2}AUC rose by 0\.02\n/);
    expect(report).toContain('0.7200 [0.7100, 0.7300]');
    expect(report).toContain('Champion v1');
    expect(report).toContain('gain above 0');
    expect(report).not.toContain('\u001b');
  });

  it('says where the rows that judge lie', () => {
    const snapshot = { digest: 'sha256:1', trainRows: 12_000, evaluationRows: 800, heldOut: null, takenAt: '2026-01-30T00:00:00.000Z' };
    const shown = (heldOut: { every: number; block: string } | null) => verdictReport(new RecordedTerminal({ columns: 140 }), { ...ended, snapshot: { ...snapshot, heldOut } });
    expect(shown(null)).toContain('12,000 trained on, 800 in the evaluation window\n');
    expect(shown({ every: 3, block: 'P1D' })).toContain('12,000 trained on, 800 in the blocks held out of the evaluation window (one in 3 of P1D)\n');
  });

  it('tells the losses of the newest rows where they decided', () => {
    const recentGain = { loss: 'brier', blocks: 4, rows: 800, since: '2026-01-25T00:00:00.000Z', candidate: 0.2, champion: 0.25, gain: estimate(0.05), rowsPerDay: 180 } as const;
    const report = verdictReport(new RecordedTerminal({ columns: 140 }), { ...ended, evaluation: { ...ended.evaluation!, recentGain } });
    expect(report).toMatch(/brier, newest 4 blocks\s+0\.2000\s+0\.2500\s+0\.0500 \[0\.0400, 0\.0600\]/);
  });

  it('lists every violation of the data', () => {
    const violation = { check: 'bounds', column: 'distance_miles', part: 'train' as const, rows: 1_234, share: 0.1, limit: '10 to 6000', examples: [], message: 'below 10' };
    const report = verdictReport(new RecordedTerminal({ columns: 140 }), {
      ...RETRAIN, stage: 'finished', outcome: 'failed', reason: 'The data is bad', failure: { type: 'DataInvalid', message: 'two violations', details: {} },
      dataReport: { verdict: 'fail', violations: [violation, { ...violation, column: 'carrier' }] },
    });
    expect(report).toMatch(/bounds\s+distance_miles\s+train\s+1,234\s+below 10/);
    expect(report).toContain('carrier');
    expect(report).toContain('DataInvalid: two violations');
  });

  it('is coloured only where colours are', () => {
    expect(verdictReport(new RecordedTerminal({ colours: true }), ended)).toContain('\u001b[32mPROMOTED\u001b[0m');
  });
});
