import { describe, expect, it } from 'vitest';
import { SOUNDNESS_QUESTIONS, type ValidationReport } from '../../contracts/validations.js';
import { fairnessFixture } from '../windows/assessment-page/assessment-facts-fixture.js';
import { expectSound, plain } from '../windows/assessment-page/read-page-fixture.js';
import { validationPage } from './validation-page.js';
import type { ValidationAnswer } from './validations.dto.js';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

const report: ValidationReport = {
  report: 'perennial.validation/v1', model: 'credit', version: 3, tier: 'critical', purpose: 'Says who pays back <b>in time</b>.', owner: 'risk-team', retrain: 5, requestedBy: 'ann',
  artifact: digest('1'), snapshot: digest('2'), spec: digest('3'), trainer: { name: 'xgboost', code: digest('4'), seed: 7, requirements: digest('5') }, openedAt: '2026-03-01T00:00:00.000Z',
  checks: [
    { name: 'outOfTime', verdict: 'pass', explanation: 'auc is 0.8.', figures: { rows: 100 } },
    { name: 'provenance', verdict: 'fail', explanation: 'The chain is broken.', figures: { traced: [{ what: 'the model', digest: digest('1'), stored: 'same' }, { what: 'source file <img>', digest: null, stored: 'missing' }] } },
    { name: 'dependencies', verdict: 'pass', explanation: 'All pinned.', figures: { packages: [{ name: 'numpy', version: '2.5.5', hashed: true }, { name: 'loose', version: null, hashed: false }] } },
    { name: 'documents', verdict: 'pass', explanation: 'All there.', figures: { needed: [{ what: 'business case', found: 'spec' }, { what: 'thresholds', found: null }] } },
    { name: 'slices', verdict: 'inconclusive', explanation: 'Not decided.', figures: { slices: Array.from({ length: 201 }, (_, index) => ({ slice: `zip = ${index}`, rows: 40, metric: 'auc', measured: index === 0 ? null : { value: 0.7, low: null, high: null }, verdict: 'pass', surelyWorse: index === 1 })) } },
    { name: 'fairness', verdict: 'fail', explanation: 'A limit is broken.', figures: { ...fairnessFixture } },
    { name: 'sensitivity', verdict: 'pass', explanation: 'Holds.', figures: { responses: [{ feature: 'income', move: 'up', step: 0.5, outputMoved: 0.1, outputMovedMost: 0.4, metrics: { auc: null }, metricsMoved: { auc: null } }] } },
    { name: 'stability', verdict: 'error', explanation: 'It could not be made: no GPU.', figures: { type: 'TrainerFailed' } },
  ],
  verdict: 'error', decidedBy: 'A validator decides, then the approvers of the tier vote.', questions: SOUNDNESS_QUESTIONS,
};

const open: ValidationAnswer = {
  model: 'credit', version: 3, tier: 'critical', deployment: 'default', retrain: 5, specDigest: digest('3'), waitsFor: 'validator', checks: [], reportDigest: digest('6'), decision: null, approval: null, outcome: null, reason: null,
  openedAt: '2026-03-01T00:00:00.000Z', paused: null, expiresAt: '2026-03-31T00:00:00.000Z', endedAt: null, workflowId: 'model/credit/validation/3',
  links: { self: '/v1', model: '/v1', version: '/v1', report: '/v1', page: '/v1', approval: null, temporal: 'http://localhost' },
};
const decided: ValidationAnswer = {
  ...open, waitsFor: null, outcome: 'promoted', reason: 'It is the champion from epoch 4 on.', endedAt: '2026-03-09T00:00:00.000Z', approval: 8,
  decision: { choice: 'conditional', reportDigest: digest('6'), actor: 'vera', reason: 'Sound <script>, but for thin files.', answers: { method: 'Trees fit tables.' }, findings: [4, 5], at: '2026-03-08T00:00:00.000Z' },
};

describe('the page of a validation', () => {
  it.each([['open', open], ['decided', decided]])('is well-formed, needs nothing from elsewhere, and is the same for the same facts: %s', (_, answer) => {
    const page = validationPage(report, answer);
    expectSound(page);
    expect(validationPage(report, answer)).toBe(page);
    expect(page).not.toMatch(/<b>in time|<img|<script/);
  });

  it('says what was found, by which check, and where it is not all of it', () => {
    const text = plain(validationPage(report, open));
    expect(text).toContain('! error A validator decides, then the approvers of the tier vote.');
    expect(text).toMatch(/provenance ✕ fail The chain is broken\./);
    expect(text).toContain('source file <img> – missing'.replace('<', '&lt;').replace('>', '&gt;'));
    expect(text).toContain('zip = 1 40 0.7000 AUC ✓ pass surely worse');
    expect(text).toContain('1 more stand in the JSON.');
    expect(text).toContain('income up 0.5000 0.1000 0.4000 AUC –');
    expect(text).toContain(digest('6'));
  });

  it('says what was decided, on which answers, and what it came to', () => {
    expect(plain(validationPage(report, open))).toContain('Decision none yet; open until 2026-03-31');
    const text = plain(validationPage(report, decided));
    expect(text).toContain('Decision conditional By vera At 2026-03-08 Why Sound &lt;script&gt;, but for thin files. Findings 4, 5 Approval 8');
    expect(text).toContain('Outcome promoted, 2026-03-09: It is the champion from epoch 4 on.');
    expect(text).toContain(`${SOUNDNESS_QUESTIONS.method} Trees fit tables.`);
    expect(text).toContain(`${SOUNDNESS_QUESTIONS.assumptions} not answered`);
  });
});
