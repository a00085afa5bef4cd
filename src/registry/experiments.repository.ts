import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import type { ExperimentFacts, ExperimentParameters, ExperimentSource } from '../contracts/experiments.js';
import { PerennialError } from '../contracts/failures.js';
import type { Verdict } from '../contracts/verdict.js';
import { AuditLedger } from './audit-ledger.js';
import { Experiment } from './entities/experiment.entity.js';

export interface NewExperiment {
  readonly model: string;
  readonly actor: string;
  readonly idempotencyKey: string;
  readonly facts: ExperimentFacts;
}

/** An experiment of either source, as the record has it. */
export interface ListedExperiment {
  readonly source: ExperimentSource;
  /** Of the source: retrains and logged experiments are numbered apart. */
  readonly number: number;
  readonly name: string;
  readonly parameters: ExperimentParameters;
  readonly dataVersion: string;
  readonly codeVersion: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly notes: string | null;
  readonly by: string;
  readonly at: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** What came of a retrain; null for what was made elsewhere. */
  readonly version: number | null;
  readonly verdict: Verdict | null;
}

export interface ExperimentFilter {
  readonly source?: ExperimentSource | undefined;
  readonly by?: string | undefined;
  readonly dataVersion?: string | undefined;
  readonly codeVersion?: string | undefined;
  /** A metric by which they are ordered, those without it last; newest first where it is not given. */
  readonly sort?: string | undefined;
  readonly order: 'asc' | 'desc';
}

/** Retrains that began to train are experiments. They are read where they are, so that nothing can be said of them twice. */
const ALL = `
SELECT 'outside' AS source, number, name, parameters, data_version AS "dataVersion", code_version AS "codeVersion", metrics, artifacts, notes, logged_by AS "by", logged_at AS "at",
  started_at AS "startedAt", finished_at AS "finishedAt", NULL::integer AS version, NULL AS verdict
FROM experiment WHERE model = $1
UNION ALL
SELECT 'retrain', run.retrain, 'retrain ' || run.retrain, jsonb_build_object('trainer', run.trainer, 'seed', run.seed) || run.parameters, run.snapshot_digest, run.code_digest,
  coalesce((SELECT jsonb_object_agg(key, value -> 'value') FROM jsonb_each(judged.result -> 'candidate' -> 'metrics')), '{}'),
  jsonb_strip_nulls(jsonb_build_object('model', run.model_digest)), NULL, asked.requested_by, asked.requested_at, run.started_at, run.finished_at, asked.version, judged.verdict
FROM training_run run
JOIN retrain asked ON asked.model = run.model AND asked.number = run.retrain
LEFT JOIN evaluation judged ON judged.model = run.model AND judged.version = asked.version
WHERE run.model = $1`;

const INSERT = `
INSERT INTO experiment (model, number, name, parameters, data_version, code_version, metrics, artifacts, notes, logged_by, idempotency_key, body_digest, logged_at, started_at, finished_at)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 FROM experiment WHERE model = $1
ON CONFLICT (logged_by, idempotency_key) DO NOTHING RETURNING number`;

/** Experiments of a model: those logged from elsewhere, and its own retrains. */
@Injectable()
export class ExperimentsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /**
   * Puts an experiment on the record with its audit entry, once for each actor and idempotency key.
   * @returns whether it was new. @throws PerennialError `IdempotencyKeyReused` when the key stands for another one
   */
  async log({ model, actor, idempotencyKey, facts }: NewExperiment, at: Date): Promise<{ readonly experiment: Experiment; readonly created: boolean }> {
    const bodyDigest = sha256(canonicalJson({ kind: 'experiment', model, ...facts }));
    const { notes: _notes, ...told } = facts;
    const created = await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      const { name, parameters, dataVersion, codeVersion, metrics, artifacts, notes, startedAt, finishedAt } = facts;
      const inserted: { number: number }[] = await manager.query(INSERT, [
        model, name, canonicalJson(parameters), dataVersion, codeVersion, canonicalJson(metrics), canonicalJson(artifacts), notes, actor, idempotencyKey, bodyDigest, at, startedAt, finishedAt,
      ]);
      if (!inserted[0]) return false;
      await this.audit.append(manager, {
        at, actor, action: 'experiment.logged', model, subject: `experiment/${inserted[0].number}`, texts: { notes },
        // Without the notes, which it would confirm to whoever guesses them once they are erased.
        details: { name, dataVersion, codeVersion, digest: sha256(canonicalJson({ kind: 'experiment', model, ...told })), artifacts },
      });
      return true;
    });
    const experiment = await this.dataSource.manager.findOneByOrFail(Experiment, { loggedBy: actor, idempotencyKey });
    if (experiment.bodyDigest !== bodyDigest) {
      throw new PerennialError('IdempotencyKeyReused', `The idempotency key was first used for another experiment, ${experiment.number} of ${experiment.model}; log this one with a key of its own`, {
        firstKind: 'experiment', firstModel: experiment.model, firstExperiment: experiment.number,
      });
    }
    return { experiment, created };
  }

  /** One that was logged. @throws PerennialError `NotFound` */
  async get(model: string, number: number): Promise<Experiment> {
    const experiment = await this.dataSource.manager.findOneBy(Experiment, { model, number });
    if (!experiment) throw new PerennialError('NotFound', `${model} has no logged experiment ${number}; \`perennial experiments ${model}\` lists them`, { model, experiment: number });
    return experiment;
  }

  /** Both sources together. */
  async list(model: string, limit: number, { source, by, dataVersion, codeVersion, sort, order }: ExperimentFilter): Promise<ListedExperiment[]> {
    return this.dataSource.query(
      `SELECT * FROM (${ALL}) AS one
       WHERE ($2::text IS NULL OR source = $2) AND ($3::text IS NULL OR "by" = $3) AND ($4::text IS NULL OR "dataVersion" = $4) AND ($5::text IS NULL OR "codeVersion" = $5)
       ORDER BY (metrics ->> $6)::double precision ${order === 'asc' ? 'ASC' : 'DESC'} NULLS LAST, "at" DESC, source, number DESC LIMIT $7`,
      [model, source ?? null, by ?? null, dataVersion ?? null, codeVersion ?? null, sort ?? null, limit],
    );
  }
}
