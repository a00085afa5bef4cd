import { describe, expect, it } from 'vitest';
import { smallSpec, smallUseCase } from '../../test/small-model.js';
import { missingText, waitsForAlarm } from '../contracts/go-live.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { parseSpec } from '../spec/parse-spec.js';
import { differsInOperation, isSetUp, judgeSetUp, judgeSpec, type SetUpFacts } from './deployment-set-up.js';

const specOf = (changes: Partial<Parameters<typeof smallSpec>[0]> = {}): ModelSpec => parseSpec(smallSpec({ model: 'churn', tier: 'medium', useCase: smallUseCase(), ...changes })).spec;
const withoutRunbook = (): Record<string, unknown> => {
  const { runbook: _runbook, ...rest } = smallUseCase() as Record<string, unknown>;
  return rest;
};
const facts = (changes: Partial<SetUpFacts> = {}): SetUpFacts => ({ spec: specOf(), unapproved: null, baseline: { rows: 1_234 }, alarm: { proven: true, explanation: 'the alarm arrived' }, ...changes });
const statesOf = (changes: Partial<SetUpFacts>): Record<string, string> => Object.fromEntries(judgeSetUp(facts(changes)).map(({ name, state }) => [name, state]));
const NO_LIMIT = { gates: { comparison: { metric: 'auc' } } };

describe('what a version needs to go live', () => {
  it('is there where nothing is missing', () => {
    const criteria = judgeSetUp(facts());
    expect(criteria.map(({ name, state }) => [name, state])).toEqual([['useCase', 'met'], ['runbook', 'met'], ['thresholds', 'met'], ['baseline', 'met'], ['alarm', 'met']]);
    expect(isSetUp(criteria)).toBe(true);
    expect(missingText(criteria)).toBe('');
  });

  it.each<[string, Partial<SetUpFacts>, string]>([
    ['an approval of the spec in force', { unapproved: 'approval 2 is open' }, 'useCase'],
    ['a runbook from a medium tier on', { spec: specOf({ useCase: withoutRunbook() }) }, 'runbook'],
    ['a threshold', { spec: specOf(NO_LIMIT) }, 'thresholds'],
    ['a baseline', { baseline: { missing: 'the file is lost' } }, 'baseline'],
    ['an alarm that arrives', { alarm: { proven: false, explanation: 'no receiver of alarms is set' } }, 'alarm'],
  ])('is %s', (_, changes, name) => {
    const criteria = judgeSetUp(facts(changes));
    expect(criteria.filter(({ state }) => state === 'missing').map((one) => one.name)).toEqual([name]);
    expect(isSetUp(criteria)).toBe(false);
    expect(missingText(criteria)).toMatch(new RegExp(`^${name}: `));
  });

  it('is no runbook for a low tier, which is told all the same', () => {
    const criteria = judgeSetUp(facts({ spec: specOf({ tier: 'low', useCase: withoutRunbook() }) }));
    expect(criteria.find(({ name }) => name === 'runbook')).toMatchObject({ state: 'advised', explanation: expect.stringContaining('a low tier does not ask for') as string });
    expect(isSetUp(criteria)).toBe(true);
  });

  it('is a threshold of the gates or one of monitoring', () => {
    expect(statesOf({ spec: specOf({ ...NO_LIMIT, monitoring: { maximumLoss: 0.3 } }) })).toMatchObject({ thresholds: 'met' });
  });

  it('lets the alarm wait until nothing else is missing, so that no test is sent before', () => {
    const held = judgeSetUp(facts({ spec: specOf({ useCase: withoutRunbook() }), alarm: null }));
    expect(held.find(({ name }) => name === 'alarm')?.state).toBe('waits');
    expect(waitsForAlarm({ criteria: held })).toBe(false);
    const next = judgeSetUp(facts({ alarm: null }));
    expect([waitsForAlarm({ criteria: next }), isSetUp(next)]).toEqual([true, false]);
  });
});

it('a release asks the spec for a runbook and a threshold', () => {
  expect(missingText(judgeSpec(specOf()))).toBe('');
  expect(missingText(judgeSpec(specOf({ useCase: withoutRunbook(), ...NO_LIMIT })))).toMatch(/runbook: A medium tier goes live with a runbook.* thresholds: The spec says nowhere what is too bad/);
});

describe('two specs', () => {
  const base = specOf({ useCase: withoutRunbook() });

  it.each<[string, ModelSpec]>([['a runbook', specOf()], ['monitoring', specOf({ useCase: withoutRunbook(), monitoring: { maximumLoss: 0.3 } })]])('that differ in %s alone differ in operation', (_, other) => {
    expect(differsInOperation(base, other)).toBe(true);
    expect(differsInOperation(other, base)).toBe(true);
  });

  it.each<[string, ModelSpec]>([
    ['the gates', specOf({ useCase: withoutRunbook(), ...NO_LIMIT })], ['the tier', specOf({ useCase: withoutRunbook(), tier: 'high' })], ['a parameter', specOf({ useCase: withoutRunbook(), parameters: { rounds: 41 } })],
    ['another part of the use case', specOf({ useCase: { ...withoutRunbook(), success: ['A call in five sells'] } })], ['the use case', specOf({ useCase: undefined as never })],
  ])('that differ in %s do not', (_, other) => {
    expect(differsInOperation(base, other)).toBe(false);
  });
});
