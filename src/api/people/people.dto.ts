import { z } from 'zod';
import { ALL_MODELS, PRINCIPAL_KINDS, ROLES } from '../../contracts/roles.js';
import type { PeopleOutcome, PersonStory } from '../../registry/people.repository.js';
import { instant, instantOf, path } from '../documentation/answer-fields.js';
import { limit, modelName, text } from '../requests/fields.js';

/** Names from before there were rules for them may be of any form. */
const anyName = text(200).meta({ description: 'The name on the record.', examples: ['ann'] });
const newName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/, 'must be 1 to 100 letters, digits and . _ @ + -, beginning with a letter or a digit')
  .meta({ description: 'The name on the record; it stays with them.', examples: ['ann'] });
const reason = text(2_000).meta({ description: 'Why, for the record.' });
const role = z.enum(ROLES);
const model = z.union([z.literal(ALL_MODELS), modelName]).default(ALL_MODELS).meta({ description: `A model, or \`${ALL_MODELS}\` for all of them, those to come included.` });

export const personPath = z.strictObject({ name: anyName });
export const keyPath = z.strictObject({ name: anyName, keyId: z.uuid('must be the id of a key') });
export type KeyPath = z.output<typeof keyPath>;

export const peopleQuery = z.strictObject({ after: text(200).optional().meta({ description: 'Only names after this one.' }), limit });
export type PeopleQuery = z.output<typeof peopleQuery>;

const identity = z.strictObject({
  issuer: text(500).meta({ description: '`iss` of their tokens, as OIDC_ISSUER has it.' }),
  subject: text(255).meta({ description: '`sub` of their tokens.' }),
});

export const registerRequest = z
  .strictObject({
    name: newName,
    kind: z.enum(PRINCIPAL_KINDS),
    identity: identity.nullable().default(null).meta({ description: 'Whose tokens are theirs; without it they have API keys alone.' }),
  })
  .meta({ id: 'RegisterPerson' });
export type RegisterRequest = z.output<typeof registerRequest>;

export const identifyRequest = z
  .strictObject({
    identity: identity.nullable().default(null).meta({ description: 'Whose tokens are theirs from now on; left out, it stays.' }),
    kind: z.literal('person').nullable().default(null).meta({ description: 'That a service is a person; left out, it stays what it is. No person becomes a service.' }),
    reason: reason.nullable().default(null).meta({ description: 'Why, for the record; needed where another identity or kind is replaced.' }),
  })
  .refine(({ identity: whose, kind }) => whose !== null || kind !== null, 'names neither an identity nor a kind')
  .meta({ id: 'IdentifyPerson' });
export type IdentifyRequest = z.output<typeof identifyRequest>;

export const reasonRequest = z.strictObject({ reason }).meta({ id: 'PersonReason' });
export const grantRequest = z.strictObject({ role, model }).meta({ id: 'GrantRole' });
export type GrantRequest = z.output<typeof grantRequest>;
export const revokeRequest = z.strictObject({ role, model, reason }).meta({ id: 'RevokeRole' });
export type RevokeRequest = z.output<typeof revokeRequest>;
export const replaceRequest = z.strictObject({ by: anyName.meta({ description: 'Who takes their place.' }), reason }).meta({ id: 'ReplacePerson' });
export type ReplaceRequest = z.output<typeof replaceRequest>;

const ended = { revokedBy: z.string().nullable(), revokedAt: instant.nullable().meta({ description: 'Null: it is in force.' }) };

export const personSchema = z
  .strictObject({
    name: z.string(),
    kind: z.enum(PRINCIPAL_KINDS),
    issuer: z.string().nullable(),
    subject: z.string().nullable(),
    active: z.boolean().meta({ description: 'Keys and tokens of who is not active are refused.' }),
    registeredBy: z.string(),
    registeredAt: instant,
    grants: z.array(z.strictObject({ role, model: z.string(), grantedBy: z.string(), grantedAt: instant, ...ended })).meta({ description: 'Newest first, those included that were taken away.' }),
    keys: z.array(z.strictObject({ keyId: z.uuid(), createdAt: instant, ...ended })).meta({ description: 'Newest first, those included that were revoked.' }),
  })
  .meta({ id: 'Person' });
export type PersonAnswer = z.output<typeof personSchema>;

export const peopleListSchema = z
  .strictObject({ items: z.array(personSchema), next: path.nullable().meta({ description: 'Where it goes on; null at the end.' }) })
  .meta({ id: 'PeopleList' });
export type PeopleListAnswer = z.output<typeof peopleListSchema>;

export const peopleChangedSchema = z
  .strictObject({
    name: z.string(),
    changed: z.boolean().meta({ description: 'False when it was so before.' }),
    keyId: z.uuid().optional(),
    key: z.string().optional().meta({ description: 'The key, this once: it cannot be read again, and a request that is repeated is answered without it.' }),
    grants: z.array(z.strictObject({ role, model: z.string() })).optional().meta({ description: 'What went over to who takes their place.' }),
    keysRevoked: z.int().optional(),
    findings: z.int().optional().meta({ description: 'Open findings that went to the successor.' }),
    models: z.array(z.string()).readonly().optional().meta({ description: 'Models whose owner the successor is now; their specs may go on naming the leaver.' }),
    entries: z.int().optional().meta({ description: 'Imported inventory entries that went to the successor.' }),
    status: path,
  })
  .meta({ id: 'PeopleChanged' });
export type PeopleChanged = z.output<typeof peopleChangedSchema>;

export const personLink = (name: string): string => `/v1/people/${encodeURIComponent(name)}`;

export const peopleChanged = ({ grants, ...outcome }: PeopleOutcome): PeopleChanged =>
  ({ ...outcome, ...(grants ? { grants: [...grants] } : {}), status: personLink(outcome.name) });

export const personAnswer = ({ principal, grants, keys }: PersonStory): PersonAnswer => ({
  name: principal.name,
  kind: principal.kind,
  issuer: principal.issuer,
  subject: principal.subject,
  active: principal.active,
  registeredBy: principal.registeredBy,
  registeredAt: principal.registeredAt.toISOString(),
  grants: grants.map((one) => ({ role: one.role, model: one.model, grantedBy: one.grantedBy, grantedAt: one.grantedAt.toISOString(), revokedBy: one.revokedBy, revokedAt: instantOf(one.revokedAt) })),
  keys: keys.map((one) => ({ keyId: one.keyId, createdAt: one.createdAt.toISOString(), revokedBy: one.revokedBy, revokedAt: instantOf(one.revokedAt) })),
});
