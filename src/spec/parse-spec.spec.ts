import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { PerennialError } from '../contracts/failures.js';
import { parseSpec, type SpecFault, specFromCanonical } from './parse-spec.js';

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

  it.each<[string, unknown]>([['a number', 7], ['a list', []], ['nothing', null], ['texts', { data: 'a', gates: 'b', evaluation: 'c' }], ['lists', { data: { features: [3, null, []], key: 'id' } }]])(
    'refuses a document that is %s without stumbling', (_name, document) => {
      expect(faultsOf(stringify(document)).length).toBeGreaterThan(0);
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
