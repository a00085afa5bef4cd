import { z } from 'zod';
import { RETIREMENT_STATES } from '../../contracts/retirements.js';
import type { Model } from '../../registry/entities/model.entity.js';
import type { Retrain } from '../../registry/entities/retrain.entity.js';
import type { Routing } from '../../registry/entities/routing.entity.js';
import type { ModelSpec } from '../../spec/model-spec.js';
import { deploymentAnswer, deploymentSchema } from '../champion/champion.dto.js';
import { developmentStandingSchema } from '../development/development.dto.js';
import { instant, itemsOf, path } from '../documentation/answer-fields.js';
import { goLiveStandingSchema, heldSetUpSchema } from '../go-lives/go-lives.dto.js';
import { digest } from '../requests/fields.js';

/** A YAML body comes in as the same. */
export const applyRequest = z
  .strictObject({
    spec: z.string().refine((yaml) => !/\p{Surrogate}/u.test(yaml), { message: 'holds half a surrogate pair' }).meta({ description: 'The model spec (`model.yaml`) as YAML text, 256 KiB at most.' }),
  })
  .meta({ id: 'ApplyModel' });
export type ApplyRequest = z.output<typeof applyRequest>;

/** What a spec reads as: OpenAPI describes what stands in the YAML, not its text. */
export const SPEC_YAML = { schema: { type: 'object', description: 'The model spec as it stands in `model.yaml`; docs/SPEC.md describes it.' } } as const;

/** A spec as a body of its own. */
export const YAML_TEXT = { schema: { type: 'string', description: 'The model spec as it stands in `model.yaml`.' } } as const;

export const specQuery = z.strictObject({
  digest: digest.optional().meta({ description: 'Of an earlier spec; without it the one in force.' }),
});
export type SpecQuery = z.output<typeof specQuery>;

export const appliedSchema = z
  .strictObject({
    model: z.string(),
    specDigest: z.string().meta({ description: 'Digest of the spec with its defaults written out; kept with everything made under it.' }),
    changed: z.boolean().meta({ description: 'False when this spec was in force already.' }),
    successor: z.string().nullable().meta({ description: 'Who owns the model where this put a spec in force that names somebody who has left; else null.' }),
    approval: path.nullable().meta({ description: 'The approval of its use case that this opened; null where it states none, or nothing changed.' }),
    commandId: z.uuid(),
    status: path.meta({ description: 'The model.' }),
  })
  .meta({ id: 'AppliedModel' });
export type AppliedAnswer = z.output<typeof appliedSchema>;

export const modelSchema = z
  .strictObject({
    model: z.string(),
    owner: z.string(),
    tier: z.enum(['low', 'medium', 'high', 'critical']),
    task: z.enum(['binary-classification', 'regression']),
    purpose: z.string(),
    specDigest: z.string(),
    registeredBy: z.string(),
    registeredAt: instant,
    deployments: z.array(deploymentSchema),
    retirement: z.enum(RETIREMENT_STATES).nullable().meta({ description: '`requested`: its approval is open; `deprecated`: approved, it answers until its consumers have moved; `retiring`: no prediction begins; `retired`: every gateway answers 410. No retrain begins in any. Null where nobody asked for it.' }),
    activeRetrain: z
      .strictObject({ number: z.int(), stage: z.string(), requestedAt: instant, status: path })
      .nullable()
      .meta({ description: 'The retrain that runs now.' }),
  })
  .meta({ id: 'Model' });
export type ModelAnswer = z.output<typeof modelSchema>;

export const modelListSchema = itemsOf(modelSchema).meta({ id: 'ModelList' });

export const modelDetailSchema = modelSchema
  .extend({
    openFindings: z.int().meta({ description: 'Findings that are not closed.' }),
    nextReviewDueAt: instant.nullable().meta({ description: 'When the next periodic review is due; null where none is due ever, or not before something is in service.' }),
    heldSetUps: z.array(heldSetUpSchema).readonly().meta({ description: 'Versions that are approved and do not go live, because something is missing.' }),
    goLives: z.array(goLiveStandingSchema).readonly().meta({ description: 'Of the champions of a model whose spec states a use case: whether their owner has confirmed that they went live.' }),
    development: developmentStandingSchema,
    spec: z.record(z.string(), z.unknown()).meta({ description: 'The spec in force, every default written out.' }),
  })
  .meta({ id: 'ModelDetail' });
export type ModelDetail = Omit<z.output<typeof modelDetailSchema>, 'spec'> & { readonly spec: ModelSpec };

export function modelAnswer(model: Model, routings: readonly Routing[], active: Retrain | undefined, retirement: ModelAnswer['retirement']): ModelAnswer {
  return {
    model: model.name,
    owner: model.owner,
    tier: model.tier,
    task: model.task,
    purpose: model.purpose,
    specDigest: model.specDigest,
    registeredBy: model.registeredBy,
    registeredAt: model.registeredAt.toISOString(),
    deployments: routings.map(deploymentAnswer),
    retirement,
    activeRetrain: active
      ? {
          number: active.number,
          stage: active.stage,
          requestedAt: active.requestedAt.toISOString(),
          status: `/v1/models/${model.name}/retrains/${active.number}`,
        }
      : null,
  };
}
