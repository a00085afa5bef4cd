import { z } from 'zod';
import { GO_LIVE_WAYS, SET_UP_CRITERIA, SET_UP_STATES } from '../../contracts/go-live.js';
import { DEFAULT_DEPLOYMENT } from '../../contracts/motion.js';
import type { SetUpLookRecord } from '../../registry/entities/go-live.entity.js';
import type { GoLiveStory } from '../../registry/go-lives.repository.js';
import { instant, path, workflowId } from '../documentation/answer-fields.js';
import { deploymentName, text } from '../requests/fields.js';

export const goLiveConfirmationRequest = z
  .strictObject({
    deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
    reason: text(2_000).meta({ description: 'What was looked at, for the record.' }),
  })
  .meta({ id: 'GoLiveConfirmationRequest' });
export type GoLiveConfirmationRequest = z.output<typeof goLiveConfirmationRequest>;

const criterion = z.strictObject({
  name: z.enum(SET_UP_CRITERIA),
  state: z.enum(SET_UP_STATES).meta({ description: '`advised`: missing, and the tier does not ask for it; `waits`: tried when nothing else is missing.' }),
  explanation: z.string(),
});

export const setUpSchema = z
  .strictObject({ specDigest: z.string().meta({ description: 'In force at the time.' }), ready: z.boolean(), criteria: z.array(criterion).readonly(), at: instant })
  .meta({ id: 'SetUp', description: 'What a version had and lacked to go live.' });

export const heldSetUpSchema = z
  .strictObject({ version: z.int(), deployment: z.string(), missing: z.array(criterion).readonly(), workflowId })
  .meta({ id: 'HeldSetUp', description: 'A version that is approved and lacks something to go live; it goes on by itself.' });

export const goLiveStandingSchema = z
  .strictObject({
    deployment: z.string(), version: z.int(), epoch: z.int(), asks: z.boolean().meta({ description: 'Whether its owner has to confirm it.' }), confirmedBy: z.string().nullable().meta({ description: 'Null while nobody has.' }),
  })
  .meta({ id: 'GoLiveStanding' });

export const goLiveSchema = z
  .strictObject({
    deployment: z.string(),
    epoch: z.int(),
    version: z.int(),
    specDigest: z.string().meta({ description: 'In force when it went live.' }),
    way: z.enum(GO_LIVE_WAYS).meta({ description: '`first`: nothing answered before; `immediate`: at once in the place of another; `release`: step by step.' }),
    asks: z.boolean().meta({ description: 'Whether its owner has to confirm it: of a low tier only until one of the deployment was confirmed.' }),
    owner: z.string(),
    at: instant,
    confirmed: z.strictObject({ by: z.string(), at: instant, reason: z.string() }).nullable().meta({ description: 'Null while nobody has confirmed it.' }),
  })
  .meta({ id: 'GoLive' });
export type GoLiveAnswer = z.output<typeof goLiveSchema>;

export const goLiveListSchema = z
  .strictObject({ held: z.array(heldSetUpSchema).readonly(), items: z.array(goLiveSchema).readonly().meta({ description: 'Newest first.' }) })
  .meta({ id: 'GoLiveList' });
export type GoLiveListAnswer = z.output<typeof goLiveListSchema>;

export const goLiveConfirmedSchema = z
  .strictObject({ model: z.string(), version: z.int(), deployment: z.string(), epoch: z.int(), specDigest: z.string(), commandId: z.uuid(), status: path.meta({ description: 'All versions that went live.' }) })
  .meta({ id: 'GoLiveConfirmed' });
export type GoLiveConfirmed = z.output<typeof goLiveConfirmedSchema>;

export const goLivesLink = (model: string): string => `/v1/models/${model}/go-lives`;

export function goLiveAnswer({ goLive: { deployment, epoch, version, specDigest, way, asks, owner, at }, confirmation }: GoLiveStory): GoLiveAnswer {
  return {
    deployment, epoch, version, specDigest, way, asks, owner, at: at.toISOString(),
    confirmed: confirmation && { by: confirmation.confirmedBy, at: confirmation.at.toISOString(), reason: confirmation.reason },
  };
}

export const setUpAnswer = ({ specDigest, ready, criteria, at }: SetUpLookRecord): z.output<typeof setUpSchema> => ({ specDigest, ready, criteria, at: at.toISOString() });
