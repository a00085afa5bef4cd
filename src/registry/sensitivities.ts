import { type EntityManager, In } from 'typeorm';
import { type Sensitivity, sensitivityOf } from '../contracts/masking.js';
import { specFromCanonical } from '../spec/parse-spec.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { Model, ModelSpecRecord } from './entities/model.entity.js';

/** What a report or a figure was made under; what is null was not known then. */
export interface MadeUnder {
  /** By their digests. */
  readonly specs?: readonly (string | null)[];
  /** By their numbers: each stands for the spec that it was trained under. */
  readonly versions?: readonly (number | null)[];
}

/**
 * How each of several things of one model is masked: by the spec in force and by those that it was made under. None alone takes the mask from what another
 * hides: a spec is in force as soon as it is applied, before anybody has approved it, and a column that a later spec leaves out stands in older reports still.
 */
export async function sensitivitiesOf(manager: EntityManager, model: string, made: readonly MadeUnder[]): Promise<Sensitivity[]> {
  const { specDigest: inForce } = await manager.findOneByOrFail(Model, { name: model });
  const versions = await manager.find(ModelVersion, { select: { number: true, specDigest: true }, where: { model, number: In(made.flatMap((one) => known(one.versions))) } });
  const digestsOf = (one: MadeUnder): string[] => [inForce, ...known(one.specs), ...versions.filter(({ number }) => one.versions?.includes(number)).map(({ specDigest }) => specDigest)];
  const records = await manager.findBy(ModelSpecRecord, { model, digest: In([...new Set([inForce, ...made.flatMap(digestsOf)])]) });
  const specs = new Map(records.map(({ digest, canonical }) => [digest, specFromCanonical(canonical.toString('utf8'))]));
  return made.map((one) => sensitivityOf(...digestsOf(one).flatMap((digest) => specs.get(digest) ?? [])));
}

const known = <T>(values: readonly (T | null)[] = []): T[] => values.filter((one) => one !== null);
