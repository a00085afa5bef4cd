import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMAND_KINDS } from './commands.js';
import { COMMAND_PERMISSIONS, type Permission, PERMISSIONS, permits, permitsSomewhere, refusalText, ROLE_PERMISSIONS, rolesWith } from './permissions.js';
import { type Grant, NOBODY, type PrincipalKind, ROLES, rolesNamed, type Standing } from './roles.js';

const NAMES = Object.keys(PERMISSIONS) as Permission[];

it('docs/ACCESS.md shows which role has which permission', () => {
  const header = `| Permission | It allows to | ${ROLES.join(' | ')} |\n|---|---|${ROLES.map(() => ':-:').join('|')}|\n`;
  const rows = NAMES.map((name) => `| \`${name}\` | ${PERMISSIONS[name].allows} | ${ROLES.map((role) => (ROLE_PERMISSIONS[role].includes(name) ? '✓' : '')).join(' | ')} |\n`);
  expect(readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'ACCESS.md'), 'utf8')).toContain(header + rows.join(''));
});

describe('roles', () => {
  it('all read, and an administrator decides over no model', () => {
    expect(rolesWith('model.read')).toEqual(ROLES);
    expect(ROLE_PERMISSIONS.administrator.filter((name) => !name.endsWith('.read'))).toEqual(['text.erase', 'inventory.import', 'people.manage']);
    expect(Object.values(COMMAND_PERMISSIONS).filter((name) => rolesWith(name).includes('administrator'))).toEqual([]);
  });

  it('let an auditor say what is wrong, and change nothing', () => {
    expect(Object.values(COMMAND_PERMISSIONS).filter((name) => rolesWith(name).includes('auditor'))).toEqual(['finding.open']);
  });

  it('apart mend and judge: who applies a spec neither closes findings nor reviews', () => {
    expect(rolesWith('spec.apply').filter((role) => [...rolesWith('finding.close'), ...rolesWith('review.record')].includes(role))).toEqual([]);
  });

  it('apart decide and ask: whoever approves may review and send back, and ask for nothing', () => {
    expect(Object.values(COMMAND_PERMISSIONS).filter((name) => rolesWith(name).includes('approver'))).toEqual(['approval.decide', 'review.record', 'stage.sendBack']);
    expect(rolesWith('approval.decide')).toEqual(['approver']);
  });

  it('are of use, each permission and each command', () => {
    expect(NAMES.filter((name) => rolesWith(name).length === 0)).toEqual([]);
    expect(Object.keys(COMMAND_PERMISSIONS).sort()).toEqual([...COMMAND_KINDS].sort());
  });

  it('are known by their names', () => {
    expect(rolesNamed(['auditor', 'owner'])).toEqual(['owner', 'auditor']);
    expect(() => rolesNamed(['owner', 'king'])).toThrow(/no role king; choose from owner/);
  });
});

const grants = (role: Grant['role'], model: string): Grant[] => [{ role, model }];
const grant = (role: Grant['role'], model: string, kind: PrincipalKind = 'person'): Standing => ({ kind, grants: grants(role, model) });

it.each<[Standing, Permission, string | null, boolean]>([
  [grant('developer', 'a'), 'retrain.request', 'a', true],
  [grant('developer', 'a'), 'retrain.request', 'b', false],
  [grant('developer', 'a'), 'retrain.request', null, false],
  [grant('developer', '*'), 'retrain.request', 'b', true],
  [grant('developer', '*'), 'retrain.request', null, true],
  [grant('developer', 'a'), 'release.request', 'a', false],
  [{ kind: 'person', grants: [...grants('auditor', 'a'), ...grants('operator', 'b')] }, 'rollback.request', 'a', false],
  [grant('administrator', '*'), 'people.manage', null, true],
  [grant('administrator', 'a'), 'people.manage', 'a', false],
  [NOBODY, 'model.read', 'a', false],
  [grant('approver', '*', 'service'), 'approval.decide', 'a', false],
  [grant('validator', 'a', 'service'), 'validation.decide', 'a', false],
  [grant('owner', 'a', 'service'), 'goLive.confirm', 'a', false],
  [grant('owner', 'a', 'service'), 'retrain.request', 'a', true],
  [grant('approver', 'a', 'service'), 'model.read', 'a', true],
])('%j: %s of %s is %s', (standing, permission, model, expected) => {
  expect(permits(standing, permission, model)).toBe(expected);
});

it('a role for some model is looked at further, one for the installation is for all of it', () => {
  expect(permitsSomewhere(grant('developer', 'a'), 'spec.apply')).toBe(true);
  expect(permitsSomewhere(grant('operator', 'a'), 'spec.apply')).toBe(false);
  expect(permitsSomewhere(grant('administrator', 'a'), 'people.manage')).toBe(false);
});

it('a refusal names who, what, where and who could', () => {
  expect(refusalText('ann', 'person', 'release.steer', 'churn')).toBe(
    'ann may not pause, resume, advance and abort a release: that takes the permission release.steer for churn, which the roles owner, operator have; an administrator gives roles (perennial people grant)');
  expect(refusalText('ann', 'person', 'people.manage', null)).toContain('people.manage for all models');
  expect(refusalText('nightly', 'service', 'approval.decide', 'churn')).toBe('nightly may not vote on approvals: it is a service, and a person has to answer for that (approval.decide); let somebody with the role approver do it');
});
