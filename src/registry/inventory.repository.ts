import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import type { ModelStage, SweepPage } from '../contracts/inventory.js';
import { RETIREMENT_CALLED_OFF } from '../contracts/retirements.js';
import type { ValidationDecision, ValidationOutcome } from '../contracts/validations.js';
import type { ModelSpec } from '../spec/model-spec.js';
import type { Tier } from '../spec/risk-tier.js';
import type { InventoryEntry } from './entities/inventory.entity.js';

/** Which models are wanted; null: any. */
export interface InventoryQuery {
  /** By their names: those that a caller may read. */
  readonly models: readonly string[] | null;
  readonly stage?: ModelStage | null | undefined;
  readonly tier?: Tier | null | undefined;
  readonly owner?: string | null | undefined;
  readonly registered?: boolean | null | undefined;
  /** Only names after this one. */
  readonly after?: string;
  /** Only names up to and with this one. */
  readonly upTo?: string | null;
  readonly limit?: number | null;
}

/** What a version came from. */
export interface Lineage {
  readonly version: number;
  readonly retrain: number;
  readonly specDigest: string;
  readonly snapshotDigest: string;
  readonly artifactDigest: string;
  readonly codeDigest: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** How far the validation of a version has come. */
export interface InventoryValidation {
  /** Null while nobody has decided. */
  readonly decision: ValidationDecision | null;
  /** Null while it is open. */
  readonly outcome: ValidationOutcome | null;
  /** Of its report; null while its checks are being made. */
  readonly reportDigest: string | null;
}

/** Where a model answers, or may. */
export interface InventoryDeployment {
  readonly deployment: string;
  /** What its champion came from; null while none serves. */
  readonly champion: Lineage | null;
  /** ISO 8601: when its champion came. */
  readonly since: string | null;
  /** What the gate said of the champion. */
  readonly verdict: string | null;
  /** Null where the champion was not validated: its spec stated no use case. */
  readonly validation: InventoryValidation | null;
  /** What the newest vote on the champion came to; null where there was none, `open` while it is. */
  readonly vote: string | null;
  /** ISO 8601: when its first champion came; null before. */
  readonly servingSince: string | null;
  /** ISO 8601: when its newest window was assessed; null before. */
  readonly assessedAt: string | null;
  /** ISO 8601: when an answer of it was counted last, by a gateway or in a file of its source; null before. */
  readonly predictedAt: string | null;
}

export interface ImportedEntry extends InventoryEntry {
  readonly importedBy: string;
  readonly importedAt: Date;
}

/** Everything that the record answers for a model, registered or not. Members of what is not registered are null, empty or 0. */
export interface InventoryRecord {
  readonly model: string;
  readonly registered: boolean;
  readonly stage: ModelStage;
  readonly owner: string | null;
  readonly tier: Tier | null;
  readonly purpose: string | null;
  readonly specDigest: string | null;
  readonly registeredBy: string | null;
  readonly registeredAt: Date | null;
  /** Whether a person or service is registered under the owner's name, and whether that is a person who is active. */
  readonly ownerKnown: boolean;
  readonly ownerActs: boolean;
  /** Active persons who have the role owner of it; of all models only where nobody is registered under the owner's name, so that an owner who leaves is missed. */
  readonly activeOwners: readonly string[];
  /** Active persons who have the role owner of all models. */
  readonly ownersOfAll: readonly string[];
  /** As the spec in force states it. */
  readonly useCase: NonNullable<ModelSpec['useCase']> | null;
  readonly useCaseApproved: boolean;
  /** Where its spec looks for rows: `data.source`, its joins, and `monitoring.source` while a champion serves in the deployment that it is of. */
  readonly sourcePaths: readonly string[];
  /** Of `monitoring.window`, ISO 8601. */
  readonly monitoringWindow: string | null;
  readonly versions: number;
  readonly newest: Lineage | null;
  readonly deployments: readonly InventoryDeployment[];
  /** Of a gateway that lives, where callers reach it. */
  readonly gatewayUrl: string | null;
  readonly assessedAt: Date | null;
  readonly assessedVerdict: string | null;
  /** When an answer was counted last, by a gateway or in a file of its source. */
  readonly predictedAt: Date | null;
  readonly firstSpecAt: Date | null;
  readonly firstChampionAt: Date | null;
  readonly lastReviewAt: Date | null;
  readonly retrainedByItself: boolean;
  readonly rolledBack: boolean;
  readonly openFindings: number;
  readonly overdueFindings: number;
  /** Those that are open under a key. */
  readonly keyedFindings: readonly { readonly number: number; readonly key: string }[];
  readonly imported: ImportedEntry | null;
}

/** What of an alarm counts for how fast it came and how fast it was mended. */
export interface AlarmMoments {
  readonly model: string;
  /** Null where the window lies before the deployment's first champion: a past that was replayed. */
  readonly beganAt: Date | null;
  readonly raisedAt: Date;
  readonly restoredAt: Date | null;
}

/** All models that anybody knows of: those that are registered, and those that an import names. */
@Injectable()
export class InventoryRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** By name, in one statement however many there are. @param now of leases that live and findings that are overdue */
  async list(query: InventoryQuery, now: Date, manager: EntityManager = this.dataSource.manager): Promise<InventoryRecord[]> {
    const { models, stage = null, tier = null, owner = null, registered = null, after = '', upTo = null, limit = null } = query;
    const rows: InventoryRow[] = await manager.query(INVENTORY, [models, after, upTo, stage, tier, owner, registered, limit, now, [...RETIREMENT_CALLED_OFF]]);
    return rows.map(recordOf);
  }

  /** @throws PerennialError `NotFound` */
  async get(model: string, now: Date): Promise<InventoryRecord> {
    const [found] = await this.list({ models: [model] }, now);
    if (!found) throw new PerennialError('NotFound', `The inventory knows no model ${JSON.stringify(model)}: none is registered under that name, and no import names it; \`perennial inventory\` lists all`, { model });
    return found;
  }

  /** The next stretch of names in their order; null at the end. */
  async nextPage(after: string, size: number): Promise<SweepPage | null> {
    const rows: { name: string }[] = await this.dataSource.query('SELECT name FROM (SELECT name FROM model UNION SELECT name FROM inventory_entry) known WHERE name > $1 ORDER BY name LIMIT $2', [after, size + 1]);
    if (rows.length === 0) return null;
    return { after, upTo: rows.length > size ? (rows[size - 1]?.name ?? null) : null };
  }

  /** Alarms that windows of these models raised, the oldest first; tests of the way are none. */
  async alarmMoments(models: readonly string[] | null): Promise<AlarmMoments[]> {
    return this.dataSource.query(ALARM_MOMENTS, [models]);
  }
}

const LINEAGE = (version: string): string => `json_build_object('version', ${version}.number, 'retrain', ${version}.retrain, 'specDigest', ${version}.spec_digest,
  'snapshotDigest', ${version}.snapshot_digest, 'artifactDigest', ${version}.artifact_digest, 'codeDigest', run.code_digest, 'createdAt', ${version}.created_at)`;

/** As `decisionRound` has it: what was sent back is decided anew, and until then no decision stands. */
const decisionRoundSql = (validation: string): string => `(
    SELECT 1 + count(*) FROM stage_move m WHERE m.model = ${validation}.model AND m.stage = 'validation' AND m.subject = ${validation}.version AND m.action = 'sendBack')`;

// What is filtered by is found for all models, everything else only for those of the page. OFFSET 0 keeps a spec from being parsed once for each of its members.
const INVENTORY = `
WITH entry AS (
  SELECT DISTINCT ON (e.name) e.*, i.actor AS imported_by, i.at AS imported_at FROM inventory_entry e JOIN inventory_import i ON i.number = e.import ORDER BY e.name, e.revision DESC
), listed AS (
  SELECT coalesce(m.name, entry.name) AS model, m.name IS NOT NULL AS registered, coalesce(m.owner, entry.owner) AS owner, coalesce(m.tier, entry.tier) AS tier,
    m.purpose, m.spec_digest, m.registered_by, m.registered_at, CASE WHEN entry.name IS NOT NULL THEN to_json(entry) END AS imported, case_stated, case_approved,
    CASE
      WHEN m.name IS NULL THEN 'unregistered'
      WHEN EXISTS (SELECT FROM retirement t WHERE t.model = m.name
        AND NOT EXISTS (SELECT FROM retirement_step x WHERE x.model = t.model AND x.number = t.number AND x.step = ANY ($10))) THEN 'retirement'
      WHEN EXISTS (SELECT FROM routing r WHERE r.model = m.name AND r.champion IS NOT NULL) THEN 'production'
      WHEN EXISTS (SELECT FROM validation v LEFT JOIN validation_end x ON x.model = v.model AND x.version = v.version WHERE v.model = m.name AND x.model IS NULL) THEN 'validation'
      WHEN case_stated AND NOT case_approved THEN 'useCaseApproval'
      ELSE 'development'
    END AS stage
  FROM model m FULL JOIN entry ON entry.name = m.name
  CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS case_stated, coalesce((array_agg(x.outcome ORDER BY a.number DESC))[1] = 'approved', false) AS case_approved
    FROM approval a LEFT JOIN approval_end x ON x.model = a.model AND x.approval = a.number WHERE a.model = m.name AND a.kind = 'useCase' AND a.digest = m.spec_digest) use_case
), page AS (
  SELECT * FROM listed
  WHERE ($1::text[] IS NULL OR model = ANY ($1)) AND model > $2 AND ($3::text IS NULL OR model <= $3) AND ($4::text IS NULL OR stage = $4)
    AND ($5::text IS NULL OR tier = $5) AND ($6::text IS NULL OR owner = $6) AND ($7::boolean IS NULL OR registered = $7)
  ORDER BY model LIMIT $8
), in_force AS (
  SELECT g.principal, g.model FROM role_grant g JOIN principal p ON p.name = g.principal AND p.active AND p.kind = 'person' LEFT JOIN role_revocation x ON x.grant_id = g.id WHERE g.role = 'owner' AND x.grant_id IS NULL
), owners AS (
  SELECT page.model, array_agg(DISTINCT in_force.principal ORDER BY in_force.principal) FILTER (WHERE in_force.model = page.model OR named.name IS NULL) AS names,
    array_agg(DISTINCT in_force.principal ORDER BY in_force.principal) FILTER (WHERE in_force.model = '*') AS of_all
  FROM page JOIN in_force ON in_force.model IN ('*', page.model) LEFT JOIN principal named ON named.name = page.owner GROUP BY page.model
)
SELECT page.*, coalesce(owners.names, '{}') AS owners, coalesce(owners.of_all, '{}') AS owners_of_all, named.name IS NOT NULL AS owner_known, coalesce(named.active AND named.kind = 'person', false) AS owner_acts,
  spec.document -> 'useCase' AS use_case, spec.document #>> '{monitoring,window}' AS monitoring_window,
  coalesce(jsonb_path_query_array(spec.document, '$.data.source.path') || jsonb_path_query_array(spec.document, '$.data.joins[*].source.path') || CASE
    WHEN EXISTS (SELECT FROM routing r WHERE r.model = page.model AND r.deployment = spec.document #>> '{monitoring,source,deployment}' AND r.champion IS NOT NULL)
    THEN jsonb_path_query_array(spec.document, '$.monitoring.source.path') ELSE '[]' END, '[]') AS source_paths,
  (SELECT count(*)::integer FROM model_version v WHERE v.model = page.model) AS versions, newest.lineage AS newest, served.deployments,
  (SELECT g.url FROM gateway_lease g WHERE g.expires_at > $9 ORDER BY g.gateway LIMIT 1) AS gateway_url,
  assessed.assessed_at, assessed.verdict AS assessed_verdict,
  greatest((SELECT max(t.updated_at) FROM serving_tally t WHERE t.model = page.model AND t.requests > 0), (SELECT max(f.read_at) FROM source_file f WHERE f.model = page.model AND f.rows > 0)) AS predicted_at,
  (SELECT min(s.applied_at) FROM model_spec s WHERE s.model = page.model) AS first_spec_at,
  (SELECT min(c.changed_at) FROM champion_change c WHERE c.model = page.model) AS first_champion_at,
  (SELECT max(r.at) FROM review r WHERE r.model = page.model) AS last_review_at,
  EXISTS (SELECT FROM retrain r LEFT JOIN release l ON l.model = r.model AND l.retrain = r.number
    WHERE r.model = page.model AND r.trigger <> 'request' AND 'promoted' IN (r.outcome, l.outcome)) AS retrained_by_itself,
  EXISTS (SELECT FROM rollback r WHERE r.model = page.model AND r.outcome = 'done') AS rolled_back,
  found.open, found.overdue, found.keyed
FROM page LEFT JOIN owners ON owners.model = page.model
LEFT JOIN principal named ON named.name = page.owner
LEFT JOIN LATERAL (SELECT convert_from(s.canonical, 'UTF8')::jsonb AS document FROM model_spec s WHERE s.model = page.model AND s.digest = page.spec_digest OFFSET 0) spec ON true
LEFT JOIN LATERAL (
  SELECT ${LINEAGE('v')} AS lineage FROM model_version v JOIN training_run run ON run.model = v.model AND run.retrain = v.retrain
  WHERE v.model = page.model ORDER BY v.number DESC LIMIT 1) newest ON true
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('deployment', r.deployment, 'since', change.changed_at, 'verdict', judged.verdict, 'vote', vote.outcome,
    'servingSince', (SELECT min(c.changed_at) FROM champion_change c WHERE c.model = r.model AND c.deployment = r.deployment),
    'assessedAt', (SELECT w.assessed_at FROM window_assessment w WHERE w.model = r.model AND w.deployment = r.deployment ORDER BY w.from_event DESC, w.revision DESC LIMIT 1),
    'predictedAt', greatest((SELECT max(t.updated_at) FROM serving_tally t WHERE t.model = r.model AND t.deployment = r.deployment AND t.requests > 0),
      (SELECT max(f.read_at) FROM source_file f WHERE f.model = r.model AND f.deployment = r.deployment AND f.rows > 0)),
    'validation', CASE WHEN valid.model IS NOT NULL THEN json_build_object('decision', decided.choice, 'outcome', over.outcome, 'reportDigest', report.digest) END,
    'champion', CASE WHEN v.number IS NOT NULL THEN ${LINEAGE('v')} END) ORDER BY r.deployment) AS deployments
  FROM routing r
  LEFT JOIN model_version v ON v.model = r.model AND v.number = r.champion
  LEFT JOIN training_run run ON run.model = v.model AND run.retrain = v.retrain
  LEFT JOIN champion_change change ON change.model = r.model AND change.deployment = r.deployment AND change.epoch = r.epoch
  LEFT JOIN evaluation judged ON judged.model = r.model AND judged.version = r.champion
  LEFT JOIN validation valid ON valid.model = r.model AND valid.version = r.champion
  LEFT JOIN validation_decision decided ON decided.model = valid.model AND decided.version = valid.version AND decided.round = ${decisionRoundSql('valid')}
  LEFT JOIN validation_report report ON report.model = valid.model AND report.version = valid.version
  LEFT JOIN validation_end over ON over.model = valid.model AND over.version = valid.version
  LEFT JOIN LATERAL (
    SELECT coalesce(x.outcome, 'open') AS outcome FROM approval a LEFT JOIN approval_end x ON x.model = a.model AND x.approval = a.number
    WHERE a.model = r.model AND a.kind = 'version' AND a.version = r.champion ORDER BY a.number DESC LIMIT 1) vote ON true
  WHERE r.model = page.model) served ON true
LEFT JOIN LATERAL (SELECT w.assessed_at, w.verdict FROM window_assessment w WHERE w.model = page.model ORDER BY w.until_event DESC, w.revision DESC LIMIT 1) assessed ON true
LEFT JOIN LATERAL (
  SELECT count(*)::integer AS open, (count(*) FILTER (WHERE f.due_at <= $9))::integer AS overdue,
    json_agg(json_build_object('number', f.number, 'key', f.key)) FILTER (WHERE f.key IS NOT NULL) AS keyed
  FROM finding f LEFT JOIN finding_end x ON x.model = f.model AND x.finding = f.number WHERE f.model = page.model AND x.model IS NULL) found ON true
ORDER BY page.model`;

// An alarm that several windows share is that of the first. Harm may begin before the window that shows it.
const ALARM_MOMENTS = `
SELECT alarm.model, alarm.raised_at AS "raisedAt", restored.at AS "restoredAt",
  CASE WHEN began.at >= (SELECT min(c.changed_at) FROM champion_change c WHERE c.model = alarm.model AND c.deployment = alarm.deployment) THEN began.at END AS "beganAt"
FROM alarm
CROSS JOIN LATERAL (SELECT w.until_event, w.headline #>> '{harm,alarm,sinceMs}' AS since_ms FROM window_assessment w WHERE w.alarm_id = alarm.id ORDER BY w.assessed_at LIMIT 1) seen
CROSS JOIN LATERAL (SELECT CASE WHEN alarm.kind = 'harmfulShift' AND seen.since_ms IS NOT NULL THEN to_timestamp(seen.since_ms::double precision / 1000) ELSE seen.until_event END AS at) began
LEFT JOIN alarm_end ended ON ended.alarm_id = alarm.id
LEFT JOIN LATERAL (
  SELECT min(c.changed_at) AS at FROM champion_change c
  WHERE c.model = alarm.model AND c.deployment = alarm.deployment AND c.changed_at > alarm.raised_at AND c.changed_at <= coalesce(ended.ended_at, 'infinity')) restored ON true
WHERE NOT alarm.test AND ($1::text[] IS NULL OR alarm.model = ANY ($1))
ORDER BY alarm.raised_at, alarm.id`;

interface ImportedRow extends InventoryEntry {
  readonly imported_by: string;
  readonly imported_at: string;
}

interface InventoryRow {
  readonly model: string;
  readonly registered: boolean;
  readonly stage: ModelStage;
  readonly owner: string | null;
  readonly tier: Tier | null;
  readonly purpose: string | null;
  readonly spec_digest: string | null;
  readonly registered_by: string | null;
  readonly registered_at: Date | null;
  readonly imported: ImportedRow | null;
  readonly case_approved: boolean;
  readonly owners: readonly string[];
  readonly owners_of_all: readonly string[];
  readonly owner_known: boolean;
  readonly owner_acts: boolean;
  readonly use_case: InventoryRecord['useCase'];
  readonly source_paths: readonly string[];
  readonly monitoring_window: string | null;
  readonly versions: number;
  readonly newest: Lineage | null;
  readonly deployments: readonly InventoryDeployment[] | null;
  readonly gateway_url: string | null;
  readonly assessed_at: Date | null;
  readonly assessed_verdict: string | null;
  readonly predicted_at: Date | null;
  readonly first_spec_at: Date | null;
  readonly first_champion_at: Date | null;
  readonly last_review_at: Date | null;
  readonly retrained_by_itself: boolean;
  readonly rolled_back: boolean;
  readonly open: number;
  readonly overdue: number;
  readonly keyed: InventoryRecord['keyedFindings'] | null;
}

function recordOf(row: InventoryRow): InventoryRecord {
  const { model, registered, stage, owner, tier, purpose, versions, newest } = row;
  return {
    model, registered, stage, owner, tier, purpose, versions, newest,
    specDigest: row.spec_digest, registeredBy: row.registered_by, registeredAt: row.registered_at, ownerKnown: row.owner_known, ownerActs: row.owner_acts, activeOwners: registered ? row.owners : [], ownersOfAll: row.owners_of_all,
    useCase: row.use_case, useCaseApproved: row.case_approved,
    sourcePaths: [...new Set(row.source_paths)], monitoringWindow: row.monitoring_window, deployments: row.deployments ?? [], gatewayUrl: registered ? row.gateway_url : null,
    assessedAt: row.assessed_at, assessedVerdict: row.assessed_verdict, predictedAt: row.predicted_at,
    firstSpecAt: row.first_spec_at, firstChampionAt: row.first_champion_at, lastReviewAt: row.last_review_at, retrainedByItself: row.retrained_by_itself, rolledBack: row.rolled_back,
    openFindings: row.open, overdueFindings: row.overdue, keyedFindings: row.keyed ?? [], imported: row.imported && importedOf(row.imported),
  };
}

const importedOf = ({ imported_by: importedBy, imported_at: importedAt, ...entry }: ImportedRow): ImportedEntry => ({ ...entry, importedBy, importedAt: new Date(importedAt) });
