import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sha256 } from '../contracts/canonical.js';
import { bitsOf, FILTER_BLOCK_BYTES, filterWords } from '../contracts/id-filter.js';
import { ObservationFile } from './entities/observation.entity.js';
import { addFilter } from './prediction-filters.js';

export interface PredictionQuery {
  readonly id: string;
  /** Only of this one; null: of any. */
  readonly model: string | null;
  /** Only files with event times within a day of it; null: of any time. */
  readonly around: Date | null;
}

/** Files that may hold a prediction. */
export interface CandidateFiles {
  /** By their filters; all but a few in a thousand of the others cannot hold it. */
  readonly filtered: readonly ObservationFile[];
  /** Files of before there were filters, those first that its id speaks for, then the newest. */
  readonly unfiltered: readonly ObservationFile[];
  /** Candidates of either kind beyond the most that are looked into at once. */
  readonly left: number;
}

/** What has not become rows yet. */
export interface UnseenPredictions {
  /** Sealed segments that wait for their conversion. */
  readonly segments: number;
  /** Gateways that were heard of lately, and up to when what each received is on the record; null: it cannot tell. */
  readonly gateways: readonly { readonly gateway: string; readonly keptUntil: string | null }[];
}

/** The most files that one look reads. */
const MOST_FILTERED = 1_000;
const MOST_UNFILTERED = 200;
const AROUND_MS = 24 * 3_600_000;
const HEARD_OF_MS = 24 * 3_600_000;

/** A prediction without an id of its caller's has one that names its gateway's start and its request: `0a1b2c3d-17`, of a batch `0a1b2c3d-17/4`. */
const GATEWAY_ID = /^([0-9a-f]{8})-(\d{1,15})(?:\/\d+)?$/;

const WITHIN = `file.kind = 'observation' AND ($1::text IS NULL OR file.model = $1) AND ($2::timestamptz IS NULL OR (file.last_event_time >= $2 AND file.first_event_time <= $3))`;
const KEY = 'gateway, boot, segment, model, deployment';

/** Finds predictions by their ids, without a row for each. */
@Injectable()
export class PredictionsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Files that may hold a prediction; those that hold it are always among them. */
  async candidates({ id, model, around }: PredictionQuery): Promise<CandidateFiles> {
    const range = [model, around && new Date(around.getTime() - AROUND_MS), around && new Date(around.getTime() + AROUND_MS)];
    const filtered = await this.filtered(id, range);
    const unfiltered = await this.unfiltered(id, range);
    return {
      filtered: await this.load(filtered.slice(0, MOST_FILTERED)), unfiltered: await this.load(unfiltered.slice(0, MOST_UNFILTERED)),
      left: Math.max(0, filtered.length - MOST_FILTERED) + Math.max(0, unfiltered.length - MOST_UNFILTERED),
    };
  }

  /** Files with what other versions made of a request. */
  async mirrors({ gateway, boot, model, deployment }: Pick<ObservationFile, 'gateway' | 'boot' | 'model' | 'deployment'>, sequence: number): Promise<ObservationFile[]> {
    return this.dataSource.getRepository(ObservationFile).createQueryBuilder('file')
      .where("file.gateway = :gateway AND file.boot = :boot AND file.model = :model AND file.deployment = :deployment AND file.kind = 'mirror'", { gateway, boot, model, deployment })
      .andWhere('file.first_sequence <= :sequence AND file.last_sequence >= :sequence', { sequence }).orderBy('file.segment').getMany();
  }

  /** Which of the files were deleted by the retirement of their model, as `<model>/<digest>`. */
  async deletedOf(files: readonly { readonly model: string; readonly digest: string }[]): Promise<ReadonlySet<string>> {
    if (files.length === 0) return new Set();
    const rows: { file: string }[] = await this.dataSource.query(
      `SELECT DISTINCT deletion.model || '/' || deletion.digest AS file FROM unnest($1::text[], $2::text[]) AS asked (model, digest)
       JOIN retirement_deletion deletion ON deletion.model = asked.model AND deletion.digest = asked.digest AND deletion.outcome = 'deleted'`, [files.map(({ model }) => model), files.map(({ digest }) => digest)],
    );
    return new Set(rows.map(({ file }) => file));
  }

  /** What a prediction that is not found may still be in. */
  async unseen(now: Date): Promise<UnseenPredictions> {
    const [waiting]: { count: number }[] = await this.dataSource.query('SELECT count(*)::int AS count FROM observation_segment WHERE converted_at IS NULL');
    const gateways: { gateway: string; keptUntil: string | null }[] = await this.dataSource.query(
      `SELECT gateway, observation_log ->> 'keptUntil' AS "keptUntil" FROM gateway_lease WHERE renewed_at >= $1 ORDER BY gateway`, [new Date(now.getTime() - HEARD_OF_MS)],
    );
    return { segments: waiting?.count ?? 0, gateways };
  }

  /** Files that have no filter yet, the newest first. */
  async withoutFilter(limit: number): Promise<ObservationFile[]> {
    const rows: ObservationFile[] = await this.dataSource.query(
      `SELECT ${KEY} FROM observation_file file LEFT JOIN prediction_filter filter USING (${KEY}) WHERE file.kind = 'observation' AND filter.blocks IS NULL
       ORDER BY file.newest_received_at DESC NULLS LAST LIMIT $1`, [limit],
    );
    return this.load(rows);
  }

  /** Gives a file its filter; of two the first stands. */
  async addFilter(file: ObservationFile, filter: Uint8Array): Promise<void> {
    await addFilter(this.dataSource.manager, file, filter);
  }

  /** One block of each filter is read. */
  private async filtered(id: string, range: readonly unknown[]): Promise<FileKey[]> {
    const [first, ...words] = filterWords(sha256(id).slice('sha256:'.length));
    const bits = bitsOf(...words);
    return this.dataSource.query(
      `SELECT ${KEY} FROM observation_file file JOIN prediction_filter filter USING (${KEY})
         CROSS JOIN LATERAL (SELECT substring(filter.filter FROM (${FILTER_BLOCK_BYTES} * ($4::bigint % filter.blocks))::int + 1 FOR ${FILTER_BLOCK_BYTES}) AS block OFFSET 0) slice
       WHERE ${WITHIN} AND ${bits.map((_, index) => `get_bit(slice.block, $${5 + index}) = 1`).join(' AND ')}
       ORDER BY file.newest_received_at DESC NULLS LAST`, [...range, first, ...bits],
    );
  }

  private async unfiltered(id: string, range: readonly unknown[]): Promise<FileKey[]> {
    const [, boot = null, sequence = null] = GATEWAY_ID.exec(id) ?? [];
    return this.dataSource.query(
      `SELECT ${KEY} FROM observation_file file LEFT JOIN prediction_filter filter USING (${KEY}) WHERE ${WITHIN} AND filter.blocks IS NULL
       ORDER BY coalesce(starts_with(boot, $4) AND first_sequence <= $5::bigint AND last_sequence >= $5::bigint, false) DESC, file.newest_received_at DESC NULLS LAST`, [...range, boot, sequence],
    );
  }

  private async load(keys: readonly FileKey[]): Promise<ObservationFile[]> {
    if (keys.length === 0) return [];
    const columns = (['gateway', 'boot', 'segment', 'model', 'deployment'] as const).map((name) => keys.map((key) => key[name]));
    const query = this.dataSource.getRepository(ObservationFile).createQueryBuilder('file')
      .where(`file.kind = 'observation' AND (file.gateway, file.boot, file.segment, file.model, file.deployment) IN (SELECT * FROM unnest(:gateways::text[], :boots::text[], :segments::int[], :models::text[], :deployments::text[]))`,
        { gateways: columns[0], boots: columns[1], segments: columns[2], models: columns[3], deployments: columns[4] });
    const found = new Map((await query.getMany()).map((file) => [nameOf(file), file]));
    return keys.flatMap((key) => found.get(nameOf(key)) ?? []);
  }
}

type FileKey = Pick<ObservationFile, 'gateway' | 'boot' | 'segment' | 'model' | 'deployment'>;
const nameOf = ({ gateway, boot, segment, model, deployment }: FileKey): string => JSON.stringify([gateway, boot, segment, model, deployment]);
