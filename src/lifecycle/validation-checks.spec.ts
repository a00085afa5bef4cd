import { describe, expect, it } from 'vitest';
import type { EvaluationResult } from '../contracts/evaluations.js';
import type { FeatureResponse } from '../contracts/validations.js';
import type { Estimate, SliceMetrics } from '../contracts/verdict.js';
import { auditDependencies, requirementsLost } from './validation-dependencies.js';
import { judgeDocuments, judgeGroups, judgeOutOfTime, judgeProvenance, type JudgedEvaluation } from './validation-evidence.js';
import { judgeSensitivity } from './validation-sensitivity.js';
import { judgeSlices } from './validation-slices.js';
import { judgeStability, otherSeed, type Retrained } from './validation-stability.js';

const estimate = (value: number, low: number | null = value - 0.02, high: number | null = value + 0.02): Estimate => ({ value, low, high });
const window = (start: string, end: string) => ({ start: `${start}T00:00:00.000Z`, end: `${end}T00:00:00.000Z` });
const slice = (value: string | null, auc: Estimate | undefined, rows = 400): SliceMetrics => ({ column: 'colour', value, rows, metrics: auc ? { auc } : {}, undefinedBecause: {} });
const result = (slices: readonly SliceMetrics[] = []): EvaluationResult => ({
  rows: 1_200, window: window('2024-02-01', '2024-03-01'), candidate: { metrics: { auc: estimate(0.8) }, undefinedBecause: {} }, champion: null, comparison: null, slices,
});

describe('the out-of-time test', () => {
  const part = (start: string, end: string) => ({ artifact: { digest: 'sha256:0', bytes: 1 }, rows: 1, labelledRows: 1, window: window(start, end) });
  const facts = (changes: Partial<JudgedEvaluation> = {}): JudgedEvaluation => ({ result: result(), gate: 'pass', metric: 'auc', data: { train: part('2024-01-01', '2024-02-01'), evaluation: part('2024-02-01', '2024-03-01') }, ...changes });

  it('passes with the gate on rows after what trained', () => {
    expect(judgeOutOfTime(facts())).toMatchObject({ verdict: 'pass', explanation: expect.stringMatching(/^auc is 0\.8 \(interval 0\.78 to 0\.82\) on 1,200 rows .* all after what trained/) as string });
    expect(judgeOutOfTime(facts({ gate: 'inconclusive' })).verdict).toBe('inconclusive');
  });

  it('says of blocks held out that not all of them are later', () => {
    const data = { train: part('2024-01-01', '2024-03-01'), evaluation: part('2024-02-01', '2024-03-01') };
    expect(judgeOutOfTime(facts({ data: { ...data, heldOut: { every: 3, block: 'P1D' } } }))).toMatchObject({ verdict: 'pass', explanation: expect.stringContaining('one in 3 of P1D): unseen, and not all later') as string });
    expect(judgeOutOfTime(facts({ data }))).toMatchObject({ verdict: 'fail', explanation: expect.stringContaining('has seen some of them') as string });
  });

  it('says why a metric is not defined', () => {
    const undefinedBecause = { auc: 'all labels are 1' };
    expect(judgeOutOfTime(facts({ result: { ...result(), candidate: { metrics: {}, undefinedBecause } }, gate: 'error' }))).toMatchObject({ verdict: 'error', explanation: expect.stringContaining('auc is not defined (all labels are 1)') as string });
  });
});

describe('provenance', () => {
  const traced = (stored: 'same' | 'missing' | 'differs' | 'notKept', digest: string | null = 'sha256:1') => judgeProvenance([{ what: 'the model', digest, stored }, { what: 'the spec', digest: 'sha256:2', stored: 'notKept' }]);

  it('passes where all is on record and the store agrees', () => {
    expect(traced('same')).toMatchObject({ verdict: 'pass', explanation: 'All 2 digests are on record, and the 1 files that the store keeps have theirs, read again for this check.' });
  });

  it.each([['missing', /not in the store/], ['differs', /other bytes than its digest says/]] as const)('fails where a file is %s', (stored, expected) => {
    expect(traced(stored)).toMatchObject({ verdict: 'fail', explanation: expect.stringMatching(expected) as string });
  });

  it('fails where a digest was never recorded', () => {
    expect(traced('missing', null)).toMatchObject({ verdict: 'fail', explanation: 'The chain is broken; not on record: the model.' });
  });
});

describe('the dependency audit', () => {
  const HASH = `--hash=sha256:${'0'.repeat(64)}`;
  const LOCK = `# made by pip-compile\nnumpy==2.4.6 ; python_full_version < '3.12' \\\n    ${HASH} \\\n    ${HASH}\nnumpy==2.5.5 ; python_full_version >= '3.12' \\\n    ${HASH}\ntyping_extensions==4.16.0 ${HASH}  # via onnx\n`;

  it('passes where everything is pinned and was run with, and says that nobody was asked for advisories', () => {
    expect(auditDependencies(LOCK, { python: '3.13.1', numpy: '2.5.5', 'Typing-Extensions': '4.16.0' })).toMatchObject({ verdict: 'pass', explanation: expect.stringMatching(/^All 3 packages are pinned.*No vulnerability database was asked: none is set up\.$/) as string });
  });

  it.each([
    ['another version', LOCK, { numpy: '1.0.0' }, /ran with numpy 1\.0\.0 \(locked 2\.4\.6 or 2\.5\.5\)/],
    ['a package that is not locked', LOCK, { torch: '2.0' }, /torch 2\.0 \(not locked\)/],
    ['a range', `${LOCK}scipy>=1.0 ${HASH}\n`, {}, /not pinned to a version and a hash: scipy/],
    ['no hash', `${LOCK}scipy==1.0\n`, {}, /not pinned to a version and a hash: scipy/],
    ['nothing', '# empty\n', {}, /name no package/],
  ])('fails with %s', (_, lock, libraries, expected) => {
    expect(auditDependencies(lock, libraries)).toMatchObject({ verdict: 'fail', explanation: expect.stringMatching(expected) as string });
  });

  it('says nothing where the requirements are lost', () => {
    expect(requirementsLost('sha256:1').verdict).toBe('inconclusive');
  });
});

describe('documents', () => {
  it('names what is missing', () => {
    expect(judgeDocuments([{ what: 'business case', found: 'spec' }, { what: 'thresholds', found: null }])).toMatchObject({ verdict: 'fail', explanation: 'Missing: thresholds.' });
    expect(judgeDocuments([{ what: 'business case', found: 'spec' }]).verdict).toBe('pass');
  });
});

describe('stress slices', () => {
  const gates = { absolute: [{ metric: 'auc' as const, min: 0.7 }], comparison: { metric: 'auc' as const, minimumGain: 0, by: 'metric' as const } };

  it.each([
    ['all meet the threshold', [slice('red', estimate(0.79)), slice(null, estimate(0.72))], 'pass', /None is surely worse|Surely worse than all rows together: colour = \(missing\)/],
    ['one surely misses it', [slice('red', estimate(0.6)), slice('blue', estimate(0.79))], 'fail', /Surely missed: colour = red, 400 rows, auc 0\.6/],
    ['one misses, and its interval reaches across', [slice('red', estimate(0.69))], 'inconclusive', /Not decided: colour = red/],
    ['one has no value', [slice('red', undefined)], 'inconclusive', /not defined/],
    ['there are none', [], 'inconclusive', /names no slices/],
  ] as const)('%s', (_, slices, verdict, expected) => {
    expect(judgeSlices(result(slices), gates)).toMatchObject({ verdict, explanation: expect.stringMatching(expected) as string });
  });

  it('without a threshold leaves it to a person where one is surely worse than the rest', () => {
    expect(judgeSlices(result([slice('red', estimate(0.6))]), { ...gates, absolute: [] }).verdict).toBe('inconclusive');
    expect(judgeSlices(result([slice('red', estimate(0.79))]), { ...gates, absolute: [] }).verdict).toBe('pass');
  });
});

describe('fairness', () => {
  const figures = (...verdicts: ('pass' | 'fail' | 'inconclusive')[]) => ({ groupings: [], checks: verdicts.map((verdict, index) => ({ name: `fairness:sex:${index}`, verdict, explanation: `It is ${verdict}.` })) });

  it('takes the gravest of the limits', () => {
    expect(judgeGroups(figures('pass', 'fail', 'inconclusive'))).toMatchObject({ verdict: 'fail', explanation: 'It is fail.' });
    expect(judgeGroups(figures('pass', 'pass')).verdict).toBe('pass');
  });

  it('is inconclusive without limits, and without groups', () => {
    expect([judgeGroups(figures()).verdict, judgeGroups(null).verdict]).toEqual(['inconclusive', 'inconclusive']);
  });
});

describe('sensitivity', () => {
  const response = (feature: string, auc: number | null, outputMoved = 0.1): FeatureResponse => ({ feature, move: 'up', step: 0.5, outputMoved, outputMovedMost: 0.3, metrics: { auc }, metricsMoved: { auc: auc === null ? null : auc - 0.8 } });
  const gates = { absolute: [{ metric: 'auc' as const, min: 0.7 }] };

  it.each([
    ['thresholds hold whatever moves', [response('size', 0.75), response('age', 0.79, 0.2)], 'pass', /age \(up\) moves the output most, by 0\.2/],
    ['one feature carries it', [response('size', 0.5)], 'inconclusive', /thresholds of the spec are missed when size \(up\) is moved/],
    ['a metric is no longer defined', [response('size', null)], 'inconclusive', /missed when size/],
    ['nothing can be moved', [], 'inconclusive', /No feature can be moved/],
  ] as const)('%s', (_, responses, verdict, expected) => {
    expect(judgeSensitivity({ rows: 100, responses }, gates)).toMatchObject({ verdict, explanation: expect.stringMatching(expected) as string });
  });

  it('is for a person to judge without a threshold', () => {
    expect(judgeSensitivity({ rows: 100, responses: [response('size', 0.8)] }, { absolute: [] }).verdict).toBe('inconclusive');
  });
});

describe('stability', () => {
  const retrained = (candidate: number, measured: Estimate | null = estimate(0.8)): Retrained =>
    ({ seed: 7, otherModel: 'sha256:1', measured, comparison: { metric: 'auc', rows: 100, blocks: 10, candidate, champion: 0.8, gain: estimate(candidate - 0.8) } });

  it.each([
    ['within what sampling explains', retrained(0.815), 'pass', /with seed 8 .* within what sampling explains/],
    ['beyond it', retrained(0.7), 'fail', /the seed decides/],
    ['beyond it upwards, which is luck as well', retrained(0.9), 'fail', /the seed decides/],
    ['without an interval', retrained(0.8, estimate(0.8, null, null)), 'inconclusive', /without an interval/],
    ['not defined', { ...retrained(0.8), comparison: { metric: 'auc' as const, rows: 0, undefinedBecause: 'there are no rows' } }, 'inconclusive', /not defined: there are no rows/],
  ] as const)('%s', (_, facts, verdict, expected) => {
    expect(judgeStability(facts)).toMatchObject({ verdict, explanation: expect.stringMatching(expected) as string });
  });

  it('has a seed beside every seed', () => {
    expect([otherSeed(0), otherSeed(2 ** 31 - 1)]).toEqual([1, 0]);
  });
});
