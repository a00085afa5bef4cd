import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { PerennialError } from '../contracts/failures.js';
import { parseSpec, type SpecFault, specFromCanonical, withTriggers } from './parse-spec.js';

const YAML = readFileSync(join(import.meta.dirname, '../../models/flight-delay/model.yaml'), 'utf8');
type Draft = Record<string, any>;

function faultsOf(yaml: string): readonly SpecFault[] {
  try {
    parseSpec(yaml);
    return [];
  } catch (error) {
    if (!(error instanceof PerennialError) || error.type !== 'SpecInvalid') throw error;
    return error.details['faults'] as SpecFault[];
  }
}

function changed(change: (draft: Draft) => void): string {
  const draft = parse(YAML) as Draft;
  change(draft);
  return stringify(draft);
}

describe('parseSpec', () => {
  it('writes defaults out and gives the same digest whatever the order, comments and spelled-out defaults', () => {
    const { spec, digest, canonical } = parseSpec(YAML);
    const reversed = stringify(Object.fromEntries(Object.entries(parse(YAML) as Draft).reverse()));
    expect(parseSpec(`# a comment\n${reversed}`).digest).toBe(digest);
    expect(parseSpec(stringify(spec)).digest).toBe(digest);
    expect(specFromCanonical(canonical)).toEqual(spec);
    expect(parseSpec(changed((draft) => (draft['training'].seed = 1))).digest).not.toBe(digest);
  });

  it.each<[string, (draft: Draft) => void, string]>([
    ['a name with capitals', (draft) => (draft['model'] = 'Flight Delay'), 'model'],
    ['a duration in months', (draft) => (draft['evaluation'].window = 'P1M'), 'evaluation.window'],
    ['an empty duration', (draft) => (draft['training'].timeout = 'PT0S'), 'training.timeout'],
    ['a key that is none', (draft) => (draft['training'].sede = 3), 'training.sede'],
    ['a share above one', (draft) => (draft['data'].maxUnlabelled = 1.5), 'data.maxUnlabelled'],
    ['two features of one name', (draft) => draft['data'].features.push({ ...draft['data'].features[3] }), 'data.features[19].name'],
    ['the label as a feature', (draft) => (draft['data'].features[3].name = 'late'), 'data.features[3].name'],
    ['bounds the wrong way round', (draft) => Object.assign(draft['data'].features[3], { min: 5, max: 1 }), 'data.features[3].min'],
    ['a category named twice', (draft) => draft['data'].features[1].categories.push('JFK'), 'data.features[1].categories'],
    ['a metric of the other task', (draft) => (draft['gates'].comparison.metric = 'rmse'), 'gates.comparison.metric'],
    ['a threshold without a bound', (draft) => (draft['gates'].absolute = [{ metric: 'auc' }]), 'gates.absolute[0]'],
    ['a number as text', (draft) => (draft['training'].seed = 'seven'), 'training.seed'],
  ])('names %s with its path', (_name, change, path) => {
    expect(faultsOf(changed(change)).map((fault) => fault.path)).toEqual([path]);
  });

  it('names faults between fields beside those of single fields', () => {
    const faults = faultsOf(changed((draft) => {
      draft['tier'] = 'huge';
      draft['data'].labelHorizon = '30 days';
      draft['data'].features[3].name = 'late';
      draft['gates'].comparison.metric = 'rmse';
    }));
    expect(faults.map(({ path }) => path).sort()).toEqual(['data.features[3].name', 'data.labelHorizon', 'gates.comparison.metric', 'tier']);
  });

  it.each<[string, unknown]>([['a number', 7], ['a list', []], ['nothing', null], ['texts', { data: 'a', gates: 'b', evaluation: 'c' }], ['lists', { data: { features: [3, null, []], key: 'id' } }],
    ['of odd joins', { data: { joins: [3, { on: 'a', columns: [null, 3] }, { on: [null], columns: 'b' }] } }], ['of odd fairness', { data: { features: [3] }, fairness: { groups: [3, null], crossings: ['a', [3, 3], [null]] } }]])(
    'refuses a document that is %s without stumbling', (_name, document) => {
      expect(faultsOf(stringify(document)).length).toBeGreaterThan(0);
    });

  it.each(['high', 'critical'])('asks a model of the %s tier for its use case', (tier) => {
    expect(faultsOf(changed((draft) => (draft['tier'] = tier))).map(({ path }) => path)).toEqual(['useCase']);
    expect(faultsOf(changed((draft) => (draft['tier'] = 'medium')))).toEqual([]);
  });

  it('asks a trial for blocks held out and a gate that sees a gain on the newest rows, and recent losses for their bound', () => {
    const trial = (draft: Draft): unknown => (draft['retraining'] = { ...draft['retraining'], triggers: ['trial'] });
    expect(faultsOf(changed(trial)).map(({ path }) => path)).toEqual(['evaluation.holdOutEvery', 'gates.comparison.by']);
    const whole = (draft: Draft): void => {
      trial(draft);
      draft['evaluation'].holdOutEvery = 3;
      draft['gates'].comparison.by = 'recentLoss';
    };
    const { spec } = parseSpec(changed(whole));
    expect(spec.retraining).toMatchObject({ triggers: ['trial'], hint: 1 });
    expect(withTriggers(spec, ['schedule'])).toEqual({ ...spec, retraining: { ...spec.retraining, triggers: ['schedule'] } });
    expect(() => withTriggers(parseSpec(YAML).spec, ['trial'])).toThrow(/^The spec has 2 faults: evaluation\.holdOutEvery: must be 2 or more for the trigger trial: .*; gates\.comparison\.by: must be recentLoss/);
    const regression = (draft: Draft): void => {
      whole(draft);
      draft['task'] = 'regression';
      draft['gates'] = { comparison: { metric: 'mae', by: 'recentLoss' } };
    };
    expect(faultsOf(changed(regression)).map(({ path }) => path)).toEqual(['rollout.comparison.bound']);
  });

  it('asks for an evaluation window that is as long as the blocks of which one is held out', () => {
    const held = (window: string, holdOutEvery: number, block: string) => changed((draft) => {
      Object.assign(draft['evaluation'], { window, holdOutEvery });
      draft['rollout'] = { ...draft['rollout'], comparison: { ...draft['rollout']?.comparison, block } };
    });
    expect(faultsOf(held('P8D', 3, 'P3D'))).toMatchObject([{ path: 'evaluation.holdOutEvery', message: expect.stringMatching(/evaluation\.window \(P8D\) is shorter than 3 of them; lengthen/) as string }]);
    expect([faultsOf(held('P9D', 3, 'P3D')), faultsOf(held('P8D', 1, 'P9D'))]).toEqual([[], []]);
    expect(faultsOf(held('never', 3, 'P3D')).map(({ path }) => path)).toEqual(['evaluation.window']);
    expect(faultsOf(held('P4W', 21, 'P1D')).map(({ path }) => path)).toEqual(['evaluation.holdOutEvery']);
  });

  it('writes the defaults of fairness out where groups are named, and leaves the section out where it is', () => {
    expect(parseSpec(YAML).spec.fairness).toBeUndefined();
    const { spec, digest } = parseSpec(changed((draft) => (draft['fairness'] = { groups: ['carrier'] })));
    expect(spec.fairness).toEqual({ groups: ['carrier'], crossings: [], favourable: 1, leastGroupRows: 100, limits: {}, whenBroken: 'alarm' });
    expect(parseSpec(stringify(spec)).digest).toBe(digest);
    const limits = { demographicParityRatio: 0.8, equalizedOddsDifference: 0.1 };
    const given = { groups: ['carrier', 'distance_miles'], crossings: [['distance_miles', 'carrier']], favourable: 0, leastGroupRows: 30, whenBroken: 'rollBack', limits, alpha: 0.01 };
    const few = changed((draft) => {
      draft['data'].features.find(({ name }: Draft) => name === 'carrier').categories = ['AA', 'UA'];
      draft['fairness'] = given;
    });
    expect(parseSpec(few).spec.fairness).toEqual(given);
  });

  describe('sensitive columns', () => {
    const sensitive = (names: unknown): string => changed((draft) => (draft['data'].sensitive = names));

    it('may be features, slices, the label and columns of the key, and change nothing where there are none', () => {
      expect(parseSpec(YAML).canonical).not.toContain('sensitive');
      const { spec, digest } = parseSpec(YAML);
      const known = [...spec.data.key, spec.data.label, ...spec.evaluation.slices, ...spec.data.features.map(({ name }) => name)].filter((name, place, all) => all.indexOf(name) === place && name !== spec.data.eventTime);
      const classified = parseSpec(sensitive(known));
      expect(classified.spec.data.sensitive).toEqual(known);
      expect(classified.digest).not.toBe(digest);
    });

    it.each<[string, unknown, string, string]>([
      ['one that is misspelt', ['carrier', 'distance_mile'], 'data.sensitive[1]', 'is distance_mile, which the spec does not use: did you mean distance_miles?'],
      ['one that nothing is like', ['zebra_of_the_zoo'], 'data.sensitive[0]', 'name a feature, a slice, the label or a column of a key'],
      ['one twice', ['carrier', 'carrier'], 'data.sensitive[1]', 'names carrier a second time'],
      ['the event time', [parseSpec(YAML).spec.data.eventTime], 'data.sensitive[0]', 'cannot be masked'],
      ['none', [], 'data.sensitive', ''],
      ['no list', 'carrier', 'data.sensitive', ''],
      ['no name', [7], 'data.sensitive[0]', ''],
    ])('are refused with their path: %s', (_, names, path, message) => {
      expect(faultsOf(sensitive(names))).toMatchObject([{ path, message: expect.stringContaining(message) as string }]);
    });
  });

  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `c${index}`);
  const FAIRNESS = { groups: ['carrier', 'distance_miles'], crossings: [] as string[][] };
  it.each<[string, (draft: Draft) => void, [path: string, says: string]]>([
    ['a group that is no feature', (draft) => (draft['fairness'] = { groups: ['carrier', 'sex'] }), ['fairness.groups[1]', 'is no feature']],
    ['a group named twice', (draft) => (draft['fairness'] = { groups: ['carrier', 'carrier'] }), ['fairness.groups[1]', 'is also group 0']],
    ['no group', (draft) => (draft['fairness'] = { groups: [] }), ['fairness.groups', '']],
    ['nine groups', (draft) => (draft['fairness'] = { groups: draft['data'].features.slice(0, 9).map(({ name }: Draft) => name as string) }), ['fairness.groups', '']],
    ['a crossing of a column that is no group', (draft) => (draft['fairness'] = { ...FAIRNESS, crossings: [['carrier', 'origin']] }), ['fairness.crossings[0]', 'names origin']],
    ['a crossing of a column with itself', (draft) => (draft['fairness'] = { ...FAIRNESS, crossings: [['carrier', 'carrier']] }), ['fairness.crossings[0]', 'with itself']],
    ['a crossing of one column', (draft) => (draft['fairness'] = { ...FAIRNESS, crossings: [['carrier']] }), ['fairness.crossings[0]', '']],
    ['a crossing of too many groups', (draft) => {
      draft['data'].features.find(({ name }: Draft) => name === 'carrier').categories = many(11);
      draft['fairness'] = { ...FAIRNESS, crossings: [['carrier', 'distance_miles']] };
    }, ['fairness.crossings[0]', 'has 550 possible groups']],
    ['a group of too many categories', (draft) => {
      draft['data'].features.find(({ name }: Draft) => name === 'carrier').categories = many(501);
      draft['fairness'] = FAIRNESS;
    }, ['fairness.groups[0]', 'has 501 categories']],
    ['a limit above one', (draft) => (draft['fairness'] = { ...FAIRNESS, limits: { accuracyDifference: 2 } }), ['fairness.limits.accuracyDifference', '']],
    ['a limit of no disparity', (draft) => (draft['fairness'] = { ...FAIRNESS, limits: { demographicParity: 0.8 } }), ['fairness.limits.demographicParity', 'is not a key']],
    ['a decision that is none', (draft) => (draft['fairness'] = { ...FAIRNESS, favourable: 2 }), ['fairness.favourable', '']],
    ['fairness of a regression model', (draft) => {
      Object.assign(draft, { task: 'regression', fairness: FAIRNESS, rollout: { strategy: 'immediate' }, gates: { comparison: { metric: 'rmse' } } });
    }, ['fairness', 'binary-classification only']],
  ])('names %s', (_name, change, [path, says]) => {
    expect(faultsOf(changed(change))).toEqual([{ path, message: expect.stringContaining(says) }]);
  });

  it('takes crossings of as many groups as can be compared', () => {
    expect(faultsOf(changed((draft) => {
      draft['data'].features.find(({ name }: Draft) => name === 'carrier').categories = many(10);
      draft['fairness'] = { ...FAIRNESS, crossings: [['carrier', 'distance_miles']] };
    }))).toEqual([]);
  });

  const JOIN = { name: 'weather', source: { path: 'weather/*.parquet' }, on: ['origin'], knownAt: 'known_at', columns: ['temperature_f', 'wind_speed_mph'] };
  it('writes the defaults of joins out, and leaves the list out where it is', () => {
    expect(parseSpec(YAML).canonical).not.toContain('joins');
    const { spec, digest } = parseSpec(changed((draft) => (draft['data'].joins = [JOIN])));
    expect(spec.data.joins).toEqual([{ ...JOIN, source: { path: 'weather/*.parquet', format: 'parquet' }, tieBreaker: [] }]);
    expect(parseSpec(stringify(spec)).digest).toBe(digest);
    const given = { ...JOIN, source: { path: 'w.csv', format: 'csv' }, tieBreaker: ['revision', 'known_at'], maxAge: 'PT3H' };
    expect(parseSpec(changed((draft) => (draft['data'].joins = [given]))).spec.data.joins).toEqual([given]);
  });

  const OTHER = { ...JOIN, name: 'other', columns: ['humidity_percent'] };
  it.each<[string, object[], [path: string, says: string]]>([
    ['two joins of one name', [JOIN, { ...OTHER, name: 'weather' }], ['[1].name', 'is also the name of join 0']],
    ['a name with capitals', [{ ...JOIN, name: 'Weather' }], ['[0].name', 'lower-case']],
    ['no key', [{ ...JOIN, on: [] }], ['[0].on', '']],
    ['no time', [{ ...JOIN, knownAt: undefined }], ['[0].knownAt', '']],
    ['no column', [{ ...JOIN, columns: [] }], ['[0].columns', '']],
    ['a column joined twice', [{ ...JOIN, columns: ['temperature_f', 'temperature_f'] }], ['[0].columns[1]', 'names a column twice']],
    ['a column of two joins', [JOIN, { ...OTHER, columns: ['wind_speed_mph'] }], ['[1].columns[0]', 'is also joined by join 0']],
    ['the label', [{ ...JOIN, columns: ['late'] }], ['[0].columns[0]', 'data.source itself must hold']],
    ['the event time', [{ ...JOIN, columns: ['predicted_at'] }], ['[0].columns[0]', 'data.source itself must hold']],
    ['a column that nothing uses', [{ ...JOIN, columns: ['temperature_c'] }], ['[0].columns[0]', 'is no feature of data.features and none of evaluation.slices']],
    ['the label as a key', [{ ...JOIN, on: ['origin', 'late'] }], ['[0].on[1]', 'is the label']],
    ['a joined column as a key', [JOIN, { ...OTHER, on: ['temperature_f'] }], ['[1].on[0]', 'is joined itself']],
    ['two spellings in a table', [{ ...JOIN, knownAt: 'Temperature_F' }], ['[0]', 'names both']],
    ['an age of nothing', [{ ...JOIN, maxAge: 'PT0S' }], ['[0].maxAge', 'longer than zero']],
    ['a key that is none', [{ ...JOIN, asOf: 'x' }], ['[0].asOf', 'is not a key']],
  ])('names, in joins, %s', (_name, joins, [path, says]) => {
    expect(faultsOf(changed((draft) => (draft['data'].joins = joins)))).toEqual([{ path: `data.joins${path}`, message: expect.stringContaining(says) }]);
  });

  it('tells a spelling of a key in joins from another one in the source', () => {
    expect(faultsOf(changed((draft) => (draft['data'].joins = [{ ...JOIN, on: ['Origin'] }])))).toEqual([{ path: 'data', message: expect.stringContaining('names both origin and Origin') }]);
  });

  it('takes slices from joins too', () => {
    expect(faultsOf(changed((draft) => {
      draft['data'].joins = [{ ...JOIN, columns: ['region'] }];
      draft['evaluation'].slices = ['region'];
    }))).toEqual([]);
  });

  it('takes a business outcome with a name, and no correlation that there is none of', () => {
    const withOutcome = (outcome: unknown): readonly string[] => faultsOf(changed((draft) => {
      draft['monitoring'] = { ...draft['monitoring'], outcome };
    })).map(({ path }) => path);
    for (const outcome of [{ name: 'revenue' }, { name: 'revenue', unit: 'EUR', minimumCorrelation: -0.2 }]) expect(withOutcome(outcome)).toEqual([]);
    expect(withOutcome({ unit: 'EUR', minimumCorrelation: 1 })).toEqual(['monitoring.outcome.name', 'monitoring.outcome.minimumCorrelation']);
    expect(withOutcome({ name: 'revenue', column: 'revenue' })).toHaveLength(1);
  });

  it('names every fault, not the first', () => {
    const paths = faultsOf('apiVersion: perennial/v2\nmodel: X\n').map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['apiVersion', 'model', 'purpose', 'owner', 'tier', 'task', 'data', 'training', 'gates']));
  });

  it('refuses what is no YAML, a key written twice, a file that swells and one that is too large', () => {
    expect(faultsOf('model: [').length).toBeGreaterThan(0);
    expect(faultsOf('model: a\nmodel: b\n')[0]?.message).toMatch(/unique/);
    const swelling = `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdef'[index]}`).join(',')}]`).join('\n')}`;
    expect(faultsOf(swelling).length).toBeGreaterThan(0);
    expect(faultsOf('x'.repeat(300_000))[0]?.message).toMatch(/larger than/);
  });
});
