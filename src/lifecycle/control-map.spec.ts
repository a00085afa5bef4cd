import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Control, controlState, findFramework, type FoundEvidence, parseControlMap } from './control-map.js';

const FOLDER = join(import.meta.dirname, '../../controls');
const OURS = new Map(readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]));
const NOW = new Date('2026-06-30T00:00:00Z');
const DAY_MS = 86_400_000;

const file = (more: string): Map<string, string> => new Map([['ours.yaml', `apiVersion: perennial-controls/v1\n${more}`]]);
const EVIDENCE = 'evidence: [{ name: seen, says: It was seen by somebody., query: SELECT 1 }]\n';
const framework = (control: string, name = 'house'): string => `framework: { name: ${name}, title: The rules of our house, version: "1", source: "https://example.com", controls: [${control}] }\n`;
const CONTROL = '{ id: a, title: Seen, asks: Somebody has seen it., evidence: [seen] }';

describe('a control map', () => {
  it('of ours names evidence for the articles and chapters that it is to cover, and every evidence is asked for', () => {
    const map = parseControlMap(OURS);
    const articles = findFramework(map, 'EU AI Act')!.controls.map(({ id }) => /^art-(\d+)/.exec(id)?.[1]);
    expect(articles).toEqual(expect.arrayContaining(['9', '10', '11', '12', '13', '14', '15', '17', '18', '19', '26', '72']));
    const asked = map.frameworks.flatMap(({ controls }) => controls.flatMap(({ where, evidence }) => [where, ...evidence.map(({ name }) => name)]));
    expect([...map.evidence.keys()].filter((name) => !asked.includes(name))).toEqual([]);
  });

  it.each(['sr-26-2', 'SR 26-2', 'SR 11-7', 'sr11-7', 'OCC 2011-12'])('finds the guidance on model risk as %s', (name) => {
    expect(findFramework(parseControlMap(OURS), name)?.name).toBe('sr-26-2');
  });

  it('takes another framework as a file that names evidence of the others', () => {
    const map = parseControlMap(new Map([...OURS, ['house.yaml', `apiVersion: perennial-controls/v1\n${framework('{ id: a, title: Owner, asks: Somebody answers for it., evidence: [ownerAccountable] }')}`]]));
    expect(findFramework(map, 'house')?.controls).toEqual([{ id: 'a', title: 'Owner', asks: 'Somebody answers for it.', tiers: [], where: null, evidence: [{ name: 'ownerAccountable', withinMs: null }] }]);
  });

  it.each<[string, Map<string, string>, RegExp]>([
    ['evidence that nobody describes', file(framework(CONTROL)), /ours\.yaml: control a names evidence seen, which no file describes/],
    ['a control twice', file(EVIDENCE + framework(`${CONTROL}, ${CONTROL}`)), /control a is there twice/],
    ['evidence twice', new Map([...file(EVIDENCE + framework(CONTROL)), ['b.yaml', `apiVersion: perennial-controls/v1\n${EVIDENCE}`]]), /b\.yaml: evidence seen is named twice/],
    ['a name twice', new Map([...file(EVIDENCE + framework(CONTROL)), ['b.yaml', `apiVersion: perennial-controls/v1\n${framework(CONTROL, 'HOUSE')}`]]), /two frameworks are called house/],
    ['a query that changes', file('evidence: [{ name: seen, says: It was seen by somebody., query: DELETE FROM model }]'), /must be a SELECT/],
    ['a duration that is none', file(EVIDENCE + framework('{ id: a, title: Seen, asks: Somebody has seen it., evidence: [{ name: seen, within: soon }] }')), /ISO 8601/],
    ['YAML that is none', file('evidence: ['), /ours\.yaml: /],
    ['a tier that is none', file(EVIDENCE + framework('{ id: a, title: Seen, asks: Somebody has seen it., tiers: [huge], evidence: [seen] }')), /controls\.0\.tiers/],
  ])('refuses %s', (_, files, message) => {
    expect(() => parseControlMap(files)).toThrow(message);
  });
});

const control = (more: Partial<Control> = {}): Control => ({ id: 'c', title: 'C', asks: 'Something is asked.', tiers: [], where: null, evidence: [{ name: 'a', withinMs: null }, { name: 'b', withinMs: 10 * DAY_MS }], ...more });
const found = (daysOld: Readonly<Record<string, number>>): Map<string, FoundEvidence> =>
  new Map(Object.entries(daysOld).map(([name, days]) => [name, { count: 1, newestAt: new Date(NOW.getTime() - days * DAY_MS), subjects: ['x'] }]));

describe('the state of a control', () => {
  it.each<[string, Partial<Control>, Record<string, number>, string]>([
    ['met with all of its evidence', {}, { a: 500, b: 10 }, 'met'],
    ['partly met with some', {}, { a: 500 }, 'partly'],
    ['partly met where some is too old', {}, { a: 500, b: 10.1 }, 'partly'],
    ['missing without any', {}, {}, 'missing'],
    ['missing where all is too old', { evidence: [{ name: 'b', withinMs: DAY_MS }] }, { b: 2 }, 'missing'],
    ['not asked of another tier', { tiers: ['critical'] }, { a: 1, b: 1 }, 'notApplicable'],
    ['asked of its tier', { tiers: ['low', 'critical'] }, { a: 1, b: 1 }, 'met'],
    ['not asked where what it is about is not there', { where: 'groups' }, { a: 1, b: 1 }, 'notApplicable'],
    ['asked where it is there', { where: 'groups' }, { a: 1, groups: 1 }, 'partly'],
  ])('is %s', (_, more, evidence, expected) => {
    expect(controlState(control(more), 'low', found(evidence), NOW)).toBe(expected);
  });
});
