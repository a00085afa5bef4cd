import { z } from 'zod';
import type { Model } from '../../registry/entities/model.entity.js';
import { path } from '../documentation/answer-fields.js';
import type { DevelopmentStanding } from './development-reader.js';

const verdict = z.enum(['pass', 'fail', 'inconclusive']);

export const developmentSchema = z
  .strictObject({
    model: z.string(),
    specDigest: z.string().meta({ description: 'The plan: the spec in force.' }),
    version: z.int().nullable().meta({ description: 'The newest version, which is judged; null before the first.' }),
    verdict: verdict.meta({ description: 'The gravest of the criteria. Inconclusive is no pass: it waits for more rows or a person.' }),
    criteria: z.array(z.strictObject({ name: z.string(), verdict, explanation: z.string() })).readonly(),
    links: z.strictObject({ model: path, version: path.nullable(), experiments: path }),
  })
  .meta({ id: 'Development' });
export type DevelopmentAnswer = z.output<typeof developmentSchema>;

/** The same in short. */
export const developmentStandingSchema = z
  .strictObject({
    version: z.int().nullable(),
    verdict,
    unmet: z.array(z.string()).readonly().meta({ description: 'Criteria that are not passed, by name.' }),
    link: path,
  })
  .meta({ id: 'DevelopmentStanding', description: 'Whether the newest version meets what development has to reach.' });
export type DevelopmentStandingAnswer = z.output<typeof developmentStandingSchema>;

const developmentLink = (model: string): string => `/v1/models/${model}/development`;

export const developmentAnswer = ({ name, specDigest }: Model, { version, verdict, criteria }: DevelopmentStanding): DevelopmentAnswer => ({
  model: name, specDigest, version, verdict, criteria: criteria.map((one) => ({ ...one })),
  links: { model: `/v1/models/${name}`, version: version === null ? null : `/v1/models/${name}/versions/${version}`, experiments: `/v1/models/${name}/experiments` },
});

export const standingAnswer = ({ name }: Model, { version, verdict, criteria }: DevelopmentStanding): DevelopmentStandingAnswer =>
  ({ version, verdict, unmet: criteria.filter((one) => one.verdict !== 'pass').map((one) => one.name), link: developmentLink(name) });
