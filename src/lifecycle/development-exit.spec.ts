import { describe, expect, it } from 'vitest';
import { fairnessSection } from '../spec/fairness-section.js';
import { type CandidateFacts, developmentExit, type DevelopmentFacts, type ExitVerdict } from './development-exit.js';

const gates: DevelopmentFacts['plan']['gates'] = { absolute: [{ metric: 'auc', min: 0.6 }], comparison: { metric: 'auc', minimumGain: 0, by: 'metric' } };
const fairness = fairnessSection.parse({ groups: ['sex'], limits: { demographicParityRatio: 0.8 } });
const check = (verdict: 'pass' | 'fail' | 'inconclusive' | 'error', name = 'absolute:auc') => ({ name, verdict, explanation: `It is ${verdict}.`, measured: null, required: 'at least 0.6' });
const bias = (verdict: 'pass' | 'fail' | 'inconclusive' | 'error') => ({ groupings: [], checks: [{ name: 'fairness:sex:demographicParityRatio', verdict, explanation: `Groups: ${verdict}.` }] });

const candidate: CandidateFacts = { version: 3, specDigest: 'sha256:plan', checks: [check('pass', 'rows'), check('pass')], fairness: null, snapshot: 'sha256:s', code: 'sha256:c', environment: 'sha256:e' };
const exit = (changes: Partial<CandidateFacts> = {}, plan: Partial<DevelopmentFacts['plan']> = {}) => developmentExit({ plan: { gates, ...plan }, planDigest: 'sha256:plan', candidate: { ...candidate, ...changes } });
const criteria = (...facts: Parameters<typeof exit>) => Object.fromEntries(exit(...facts).criteria.map(({ name, verdict }) => [name, verdict]));

describe('development comes to its exit', () => {
  it('when thresholds, reproducibility and the plan are met; without protected groups nothing is asked of bias', () => {
    expect(exit().verdict).toBe('pass');
    expect(criteria()).toEqual({ plan: 'pass', 'thresholds:auc': 'pass', data: 'pass', code: 'pass', environment: 'pass' });
    expect(exit().criteria.find(({ name }) => name === 'data')?.explanation).toBe('The snapshot of version 3 is on record: sha256:s.');
  });

  it('without a threshold where the plan sets none', () => {
    expect(criteria({ checks: null }, { gates: { ...gates, absolute: [] } })).toMatchObject({ thresholds: 'pass' });
  });

  it('with protected groups when the first test for bias is passed too', () => {
    expect(exit({ fairness: bias('pass') }, { fairness })).toMatchObject({ verdict: 'pass', criteria: expect.arrayContaining([{ name: 'bias:sex:demographicParityRatio', verdict: 'pass', explanation: 'Groups: pass.' }]) });
  });
});

describe('development goes on', () => {
  it('before the first version', () => {
    expect(developmentExit({ plan: { gates }, planDigest: 'sha256:plan', candidate: null })).toMatchObject({ verdict: 'inconclusive', criteria: [{ explanation: 'No version has been trained yet.' }] });
  });

  it.each<[string, Partial<CandidateFacts>, Partial<DevelopmentFacts['plan']>, string, ExitVerdict]>([
    ['where a threshold is missed', { checks: [check('fail')] }, {}, 'thresholds:auc', 'fail'],
    ['where too few rows could judge', { checks: [check('inconclusive')] }, {}, 'thresholds:auc', 'inconclusive'],
    ['where the metric is not defined', { checks: [check('error')] }, {}, 'thresholds:auc', 'inconclusive'],
    ['where the version was not judged yet', { checks: null }, {}, 'thresholds', 'inconclusive'],
    ['where the plan has a threshold that the version never met', { checks: [] }, {}, 'thresholds:auc', 'inconclusive'],
    ['where the version is of another plan', { specDigest: 'sha256:other' }, {}, 'plan', 'inconclusive'],
    ['where a group is surely treated worse', { fairness: bias('fail') }, { fairness }, 'bias:sex:demographicParityRatio', 'fail'],
    ['where the interval reaches across the limit', { fairness: bias('inconclusive') }, { fairness }, 'bias:sex:demographicParityRatio', 'inconclusive'],
    ['where bias was not measured', {}, { fairness }, 'bias', 'inconclusive'],
    ['where the plan limits no disparity', { fairness: { groupings: [], checks: [] } }, { fairness }, 'bias', 'inconclusive'],
    ['where the data is not on record', { snapshot: null }, {}, 'data', 'fail'],
    ['where the environment is not on record', { environment: null }, {}, 'environment', 'fail'],
  ])('%s', (_, changes, plan, name, verdict) => {
    expect(criteria(changes, plan)[name]).toBe(verdict);
    expect(exit(changes, plan).verdict).toBe(verdict);
  });

  it('as a failure where something fails and something else is inconclusive', () => {
    expect(exit({ checks: [check('inconclusive')], snapshot: null }).verdict).toBe('fail');
  });
});
