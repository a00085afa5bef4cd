import type { CommandKind } from './commands.js';
import { ALL_MODELS, type PrincipalKind, type Role, ROLES, type Standing } from './roles.js';

interface PermissionKind {
  /** What it lets somebody do. */
  readonly allows: string;
  /** Whether a role for one model is enough. What touches the whole installation takes a role for all models. */
  readonly of: 'model' | 'installation';
  /** What somebody answers for: no service does it, whatever its roles. */
  readonly by?: 'person';
}

/** Each route declares one; `docs/ACCESS.md` shows them, and a test compares. */
export const PERMISSIONS = {
  'model.read': { allows: 'read everything of a model but its audit entries and logged predictions', of: 'model' },
  'prediction.request': { allows: 'ask the gateway for predictions, where it asks who calls (`GATEWAY_AUTHENTICATION`)', of: 'model' },
  'prediction.read': { allows: 'look up logged predictions with their inputs', of: 'model' },
  'sensitive.read': { allows: 'read values of sensitive columns, for a reason that goes on the record', of: 'model' },
  'spec.apply': { allows: 'register a model, put another spec in force', of: 'model' },
  'retrain.request': { allows: 'ask for a retrain', of: 'model' },
  'replay.request': { allows: 'ask for a replay', of: 'model' },
  'labels.write': { allows: 'bring labels', of: 'model' },
  'experiment.log': { allows: 'log experiments that were made elsewhere', of: 'model' },
  'release.request': { allows: 'release a version', of: 'model' },
  'release.steer': { allows: 'pause, resume, advance and abort a release', of: 'model' },
  'rollback.request': { allows: 'take a champion back', of: 'model' },
  'alarm.act': { allows: 'acknowledge, snooze and resolve alarms, and fire a test alarm', of: 'model' },
  'window.release': { allows: 'take a window out of quarantine', of: 'model' },
  'approval.decide': { allows: 'vote on approvals', of: 'model', by: 'person' },
  'finding.open': { allows: 'open findings', of: 'model' },
  'finding.close': { allows: 'close findings that are not their own', of: 'model', by: 'person' },
  'review.record': { allows: 'record periodic reviews', of: 'model', by: 'person' },
  'retirement.request': { allows: 'retire a model, take that back, and go on without a consumer or before its traffic has ended', of: 'model' },
  'retirement.confirm': { allows: 'record that a consumer has confirmed a retirement', of: 'model' },
  'legalHold.set': { allows: 'set and lift legal holds, under which nothing of a model is deleted or erased', of: 'model', by: 'person' },
  'validation.decide': { allows: 'decide over validations', of: 'model', by: 'person' },
  'goLive.confirm': { allows: 'confirm that a version has gone live', of: 'model', by: 'person' },
  'stage.steer': { allows: 'pause, resume and abandon stages', of: 'model' },
  'stage.sendBack': { allows: 'send stages back: the owner, and those who could decide over them', of: 'model' },
  'audit.read': { allows: 'read audit entries of a model', of: 'model' },
  'ledger.read': { allows: 'take the whole ledger away, with proofs', of: 'installation' },
  'text.erase': { allows: 'erase what people wrote, from the ledger and beside it', of: 'installation' },
  'inventory.import': { allows: 'bring models that were found elsewhere into the inventory', of: 'installation' },
  'people.read': { allows: 'see who has which role', of: 'installation' },
  'people.manage': { allows: 'register people and services, give and take roles and keys', of: 'installation' },
} as const satisfies Record<string, PermissionKind>;

export type Permission = keyof typeof PERMISSIONS;

/** Who may do what. An administrator decides who may, and over no model. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  owner: [
    'model.read', 'prediction.request', 'prediction.read', 'spec.apply', 'retrain.request', 'replay.request', 'labels.write', 'experiment.log', 'release.request', 'release.steer', 'rollback.request', 'alarm.act', 'window.release', 'finding.open',
    'retirement.request', 'retirement.confirm', 'goLive.confirm', 'stage.steer', 'stage.sendBack',
  ],
  developer: ['model.read', 'prediction.request', 'spec.apply', 'retrain.request', 'replay.request', 'labels.write', 'experiment.log'],
  validator: ['model.read', 'prediction.request', 'prediction.read', 'sensitive.read', 'replay.request', 'finding.open', 'finding.close', 'review.record', 'legalHold.set', 'validation.decide', 'stage.sendBack'],
  approver: ['model.read', 'approval.decide', 'review.record', 'stage.sendBack'],
  operator: ['model.read', 'release.request', 'release.steer', 'rollback.request', 'alarm.act', 'window.release', 'finding.open', 'retirement.confirm'],
  auditor: ['model.read', 'prediction.read', 'finding.open', 'sensitive.read', 'audit.read', 'ledger.read', 'people.read'],
  administrator: ['model.read', 'text.erase', 'inventory.import', 'people.read', 'people.manage'],
  service: ['model.read', 'prediction.request', 'retrain.request', 'labels.write', 'experiment.log'],
};

/** What a command's actor needs, when it is asked for and again when it takes effect. */
export const COMMAND_PERMISSIONS: Readonly<Record<CommandKind, Permission>> = {
  apply: 'spec.apply',
  retrain: 'retrain.request',
  rollback: 'rollback.request',
  release: 'release.request',
  steer: 'release.steer',
  replay: 'replay.request',
  alarm: 'alarm.act',
  releaseWindow: 'window.release',
  vote: 'approval.decide',
  requestApproval: 'spec.apply',
  openFinding: 'finding.open',
  closeFinding: 'finding.close',
  recordReview: 'review.record',
  retire: 'retirement.request',
  withdrawRetirement: 'retirement.request',
  confirmRetirement: 'retirement.confirm',
  waiveRetirement: 'retirement.request',
  setLegalHold: 'legalHold.set',
  liftLegalHold: 'legalHold.set',
  decideValidation: 'validation.decide',
  confirmGoLive: 'goLive.confirm',
  steerStage: 'stage.steer',
  sendBackStage: 'stage.sendBack',
};

export const rolesWith = (permission: Permission): readonly Role[] => ROLES.filter((role) => ROLE_PERMISSIONS[role].includes(permission));

const isFor = (permission: Permission, kind: PrincipalKind): boolean => kind === 'person' || (PERMISSIONS[permission] as PermissionKind).by !== 'person';

/** @param model null: the whole installation, for which only a role for all models counts */
export function permits({ kind, grants }: Standing, permission: Permission, model: string | null): boolean {
  if (!isFor(permission, kind)) return false;
  const wanted = PERMISSIONS[permission].of === 'installation' ? null : model;
  return grants.some((grant) => ROLE_PERMISSIONS[grant.role].includes(permission) && (grant.model === ALL_MODELS || grant.model === wanted));
}

/** Whether there is a model for which they permit it, before it is known which one is meant. */
export const permitsSomewhere = (standing: Standing, permission: Permission): boolean =>
  permits(standing, permission, null) || standing.grants.some(({ model }) => permits(standing, permission, model));

/** Why somebody is turned away, and who would not be. */
export function refusalText(actor: string, kind: PrincipalKind, permission: Permission, model: string | null): string {
  if (!isFor(permission, kind)) return `${actor} may not ${PERMISSIONS[permission].allows}: it is a service, and a person has to answer for that (${permission}); let somebody with the role ${rolesWith(permission).join(' or ')} do it`;
  const where = PERMISSIONS[permission].of === 'installation' ? 'for all models' : model === null ? 'for a model' : `for ${model}`;
  return `${actor} may not ${PERMISSIONS[permission].allows}: that takes the permission ${permission} ${where}, which the roles ${rolesWith(permission).join(', ')} have; an administrator gives roles (perennial people grant)`;
}
