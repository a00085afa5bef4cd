import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CRITERIA, type MaturityFacts, maturityOf } from './maturity.js';

const RIPE: MaturityFacts = {
  registered: true, owned: true, useCaseStated: true, useCaseApproved: true, versions: 3, lineage: true, inService: true, validated: true, monitored: true, retrainedByItself: true, rolledBack: true,
  reviewedOnTime: true, overdueFindings: 0,
};
const NOTHING: MaturityFacts = {
  registered: false, owned: false, useCaseStated: false, useCaseApproved: false, versions: 0, lineage: false, inService: false, validated: false, monitored: false, retrainedByItself: false, rolledBack: false,
  reviewedOnTime: false, overdueFindings: 1,
};

describe('the maturity of a model', () => {
  it('is 4 where everything is met, and nothing is left to do', () => {
    expect(maturityOf(RIPE)).toEqual({ level: 4, missing: [], next: null });
  });

  it('is 0 where nothing is, and registering it comes first', () => {
    expect(maturityOf(NOTHING)).toEqual({ level: 0, missing: CRITERIA.map(({ name }) => name), next: 'Write a model.yaml and register it with `perennial apply`.' });
  });

  it.each<[keyof MaturityFacts, MaturityFacts[keyof MaturityFacts], number, string]>([
    ['registered', false, 0, 'registered'], ['owned', false, 0, 'owned'],
    ['useCaseStated', false, 1, 'use case stated'], ['useCaseApproved', false, 1, 'use case approved'], ['versions', 0, 1, 'versions with lineage'], ['lineage', false, 1, 'versions with lineage'],
    ['inService', false, 2, 'in service'], ['validated', false, 2, 'validated'], ['monitored', false, 2, 'monitored'],
    ['retrainedByItself', false, 3, 'retrained by itself'], ['rolledBack', false, 3, 'rollback proven'], ['reviewedOnTime', false, 3, 'reviewed on time'], ['overdueFindings', 1, 3, 'nothing overdue'],
  ])('with %s %s is %i, for want of "%s"', (fact, value, level, name) => {
    expect(maturityOf({ ...RIPE, [fact]: value })).toEqual({ level, missing: [name], next: CRITERIA.find((one) => one.name === name)!.step });
  });

  it('does not skip a level: who retrains by itself without an approved use case is at 1', () => {
    expect(maturityOf({ ...RIPE, useCaseStated: false, useCaseApproved: false, monitored: false })).toMatchObject({ level: 1, missing: ['use case stated', 'use case approved', 'monitored'] });
  });
});

it('docs/INVENTORY.md shows every criterion', () => {
  const rows = CRITERIA.map(({ level, name, asks, step }) => `| ${level} | ${name} | ${asks} | ${step} |\n`).join('');
  expect(readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'INVENTORY.md'), 'utf8')).toContain(`| Level | Criterion | It asks | The step where it is not met |\n|---|---|---|---|\n${rows}`);
});
