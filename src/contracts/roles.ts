import { PerennialError } from './failures.js';

/** What somebody is to a model, or to all of them. */
export const ROLES = ['owner', 'developer', 'validator', 'approver', 'operator', 'auditor', 'administrator', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** @throws PerennialError `InvalidRequest` for a name that is no role */
export function rolesNamed(names: readonly string[]): Role[] {
  const unknown = names.filter((name) => !ROLES.some((role) => role === name));
  if (unknown.length > 0) throw new PerennialError('InvalidRequest', `There is no role ${unknown.join(', ')}; choose from ${ROLES.join(', ')}`);
  return ROLES.filter((role) => names.includes(role));
}

/** Stands for every model, those to come included. */
export const ALL_MODELS = '*';

/** A role that is in force. */
export interface Grant {
  readonly role: Role;
  /** A model's name, or {@link ALL_MODELS}. */
  readonly model: string;
}

/** People have a name at the OIDC issuer, services usually only a key. */
export const PRINCIPAL_KINDS = ['person', 'service'] as const;
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

/** What somebody's permissions follow from. */
export interface Standing {
  readonly kind: PrincipalKind;
  /** Those in force. */
  readonly grants: readonly Grant[];
}

/** Who is not registered. */
export const NOBODY: Standing = { kind: 'person', grants: [] };

/** Who somebody is to an OIDC issuer: `iss` and `sub` of the tokens. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
}

/** Actors on the record that no principal may be named as: workflows act as the one; the other is nobody who could be found out. */
export const RESERVED_ACTORS = ['perennial', 'unknown'] as const;
