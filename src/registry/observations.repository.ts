import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { ObservationFile, ObservationSegment } from './entities/observation.entity.js';
import { addFilter } from './prediction-filters.js';

export interface SegmentId {
  readonly gateway: string;
  readonly boot: string;
  readonly segment: number;
}

export interface SegmentRegistration extends SegmentId {
  readonly digest: string;
  readonly bytes: number;
  readonly observations: number;
  readonly mirrored: number;
  /** Milliseconds since 1970. */
  readonly firstEventMs: number | null;
  readonly lastEventMs: number | null;
  readonly sealedAt: Date;
}

/** A Parquet file made of a segment. Times are in milliseconds since 1970; null for mirrored outputs. */
export interface ConvertedFile {
  readonly model: string;
  readonly deployment: string;
  readonly kind: 'observation' | 'mirror';
  readonly digest: string;
  readonly bytes: number;
  readonly rows: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly firstEventMs: number | null;
  readonly lastEventMs: number | null;
  readonly newestReceivedMs: number | null;
  readonly leadMs: number | null;
  /** Hours of event time with rows, counted from 1970. */
  readonly eventHours: readonly number[] | null;
  /** Of the prediction ids (contracts/id-filter.ts); of observations alone. A file without one gets it later. */
  readonly idFilter?: Uint8Array;
}

export interface SegmentConversion {
  readonly files: readonly ConvertedFile[];
  /** Where the segment could not be read any further. */
  readonly damage: { readonly position: number; readonly reason: string } | null;
}

/** Event time, in milliseconds since 1970: from `fromMs`, before `untilMs`. */
export interface ObservationRange {
  readonly model: string;
  readonly deployment: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Which files of a range count. */
export interface Arrivals {
  /** Those that came by this moment, which {@link ObservationsRepository.drawLine} gives; all that have come where it is missing. */
  readonly cameBy?: Date;
}

/** How many observations files hold, and the event time of the first and last; milliseconds since 1970. */
export interface ObservedSpan {
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

const REGISTER = `
INSERT INTO observation_segment (gateway, boot, segment, digest, bytes, observations, mirrored, first_event_time, last_event_time, sealed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (gateway, boot, segment) DO NOTHING RETURNING digest`;

const LEAD = `
SELECT max(lead_ms) AS lead FROM (
  SELECT lead_ms, sum(rows) OVER (ORDER BY lead_ms DESC) AS reached, sum(rows) OVER () AS total FROM (
    SELECT lead_ms, rows FROM observation_file WHERE model = $1 AND deployment = $2 AND kind = 'observation' ORDER BY newest_received_at DESC LIMIT $3
  ) latest
) ranked WHERE reached > total * $4::double precision`;

const CAME_BY = `
EXISTS (SELECT FROM observation_segment segment WHERE segment.gateway = file.gateway AND segment.boot = file.boot AND segment.segment = file.segment AND segment.converted_at <= :cameBy)`;

/** PostgreSQL's clock at this moment, not at its transaction's beginning, as a `Date` can hold it. */
const NOW_MS = "date_trunc('milliseconds', clock_timestamp())";

/** The lock of what comes for a deployment: shared by those that bring rows, held alone by who draws a line. Of the model and the deployment, $1 and $2. */
const ARRIVALS = "hashtextextended('arrivals/' || $1::text || '/' || $2::text, 0)";

const HOUR_MS = 3_600_000;

/** Segments of the gateways' observation logs, and the files that were made of them. */
@Injectable()
export class ObservationsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Notes a segment that is in the artifact store. @returns `differs` when other bytes are known under its name */
  async registerSegment(segment: SegmentRegistration): Promise<'registered' | 'known' | 'differs'> {
    const inserted: unknown[] = await this.dataSource.query(REGISTER, registration(segment));
    if (inserted.length > 0) return 'registered';
    const known: { digest: string }[] = await this.dataSource.query('SELECT digest FROM observation_segment WHERE gateway = $1 AND boot = $2 AND segment = $3', [segment.gateway, segment.boot, segment.segment]);
    return known[0]?.digest === segment.digest ? 'known' : 'differs';
  }

  /** Notes observations that came as rows: as a segment that is converted already, all of it or nothing. What is known under the name stands. */
  async addConverted(segment: SegmentRegistration, file: ConvertedFile): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const inserted: unknown[] = await manager.query(REGISTER, registration(segment));
      if (inserted.length > 0) await convertedWithin(manager, segment, { files: [file], damage: null });
    });
  }

  /** Segments that wait for their conversion, the oldest first. */
  async unconverted(atMost: number): Promise<ObservationSegment[]> {
    return this.dataSource.manager.find(ObservationSegment, { where: { convertedAt: IsNull() }, order: { sealedAt: 'ASC', gateway: 'ASC', boot: 'ASC', segment: 'ASC' }, take: atMost });
  }

  /** How many segments wait for their conversion that may hold observations of the stretch, of whichever deployment. */
  async unconvertedWithin({ fromMs, untilMs }: Pick<ObservationRange, 'fromMs' | 'untilMs'>): Promise<number> {
    const [row]: { count: number }[] = await this.dataSource.query(
      'SELECT count(*)::int AS count FROM observation_segment WHERE converted_at IS NULL AND last_event_time >= $1 AND first_event_time < $2', [dateOf(fromMs), dateOf(untilMs)],
    );
    return row?.count ?? 0;
  }

  /** Files and end of a conversion in one transaction. @returns false, with nothing written, when another one was quicker */
  async recordConversion(segment: SegmentId, conversion: SegmentConversion): Promise<boolean> {
    return this.dataSource.transaction((manager) => convertedWithin(manager, segment, conversion));
  }

  /**
   * The moment between what has come for a deployment and what is late. Conversions that are under way are waited for, so that each file is either
   * on the record now with a time at or before this one, or gets a later one.
   */
  async drawLine(model: string, deployment: string): Promise<Date> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query(`SELECT pg_advisory_xact_lock(${ARRIVALS})`, [model, deployment]);
      const [{ line }] = await manager.query<[{ line: Date }]>(`SELECT ${NOW_MS} AS line`);
      return line;
    });
  }

  /** Files that may hold observations of the range, by their first event time. */
  async observationFiles({ model, deployment, fromMs, untilMs, cameBy }: ObservationRange & Arrivals): Promise<ObservationFile[]> {
    return this.dataSource.manager.createQueryBuilder(ObservationFile, 'file')
      .where("file.model = :model AND file.deployment = :deployment AND file.kind = 'observation'", { model, deployment })
      .andWhere('file.last_event_time >= :from AND file.first_event_time < :until', { from: dateOf(fromMs), until: dateOf(untilMs) })
      .andWhere(cameBy ? CAME_BY : 'true', { cameBy })
      .orderBy({ 'file.first_event_time': 'ASC', 'file.gateway': 'ASC', 'file.boot': 'ASC', 'file.segment': 'ASC' })
      .getMany();
  }

  /** Rows and event times of the files that may hold observations of the range; as one, or each. */
  async observedSpans({ model, deployment, fromMs, untilMs }: ObservationRange, as: 'one' | 'each'): Promise<ObservedSpan[]> {
    const columns = as === 'one' ? 'coalesce(sum(rows), 0)::float8 AS rows, min(first_event_time) AS first, max(last_event_time) AS last' : 'rows, first_event_time AS first, last_event_time AS last';
    const rows: { rows: number; first: Date | null; last: Date | null }[] = await this.dataSource.query(
      `SELECT ${columns} FROM observation_file WHERE model = $1 AND deployment = $2 AND kind = 'observation' AND last_event_time >= $3 AND first_event_time < $4`,
      [model, deployment, dateOf(fromMs), dateOf(untilMs)],
    );
    return rows.flatMap(({ rows: count, first, last }) => (first && last ? [{ rows: count, firstMs: first.getTime(), lastMs: last.getTime() }] : []));
  }

  /** Files that may hold what other versions made of the range's observations: they may lie in later segments. */
  async mirrorFiles({ model, deployment, fromMs, untilMs }: ObservationRange): Promise<ObservationFile[]> {
    return this.dataSource.manager.createQueryBuilder(ObservationFile, 'mirror')
      .where("mirror.model = :model AND mirror.deployment = :deployment AND mirror.kind = 'mirror'", { model, deployment })
      .andWhere(
        `EXISTS (SELECT FROM observation_file file WHERE file.kind = 'observation' AND file.model = :model AND file.deployment = :deployment
           AND file.last_event_time >= :from AND file.first_event_time < :until AND file.gateway = mirror.gateway AND file.boot = mirror.boot
           AND file.last_sequence >= mirror.first_sequence AND file.first_sequence <= mirror.last_sequence)`,
        { from: dateOf(fromMs), until: dateOf(untilMs) },
      )
      .orderBy({ 'mirror.gateway': 'ASC', 'mirror.boot': 'ASC', 'mirror.segment': 'ASC' })
      .getMany();
  }

  /** The earliest event time of a deployment's observations from a moment on, as the files have it; null where there are none. */
  async firstEventFrom(model: string, deployment: string, fromMs: number | null): Promise<number | null> {
    const rows: { first: Date | null }[] = await this.dataSource.query(
      `SELECT greatest(min(first_event_time), $3) AS first FROM observation_file
       WHERE model = $1 AND deployment = $2 AND kind = 'observation' AND last_event_time >= coalesce($3, '-infinity'::timestamptz) HAVING count(*) > 0`,
      [model, deployment, fromMs === null ? null : dateOf(fromMs)],
    );
    return rows[0]?.first?.getTime() ?? null;
  }

  /** Hours of event time before one in which rows came after a moment, counted from 1970, and when the last of them came. */
  async cameLate(model: string, deployment: string, after: Date, untilMs: number): Promise<{ readonly hour: number; readonly cameAt: Date }[]> {
    return this.dataSource.query(
      `SELECT hour, max(segment.converted_at) AS "cameAt"
       FROM observation_segment segment JOIN observation_file file USING (gateway, boot, segment), unnest(file.event_hours) AS hour
       WHERE segment.converted_at > $3 AND file.model = $1 AND file.deployment = $2 AND file.kind = 'observation' AND file.first_event_time < $4 AND hour < $5
       GROUP BY hour ORDER BY hour`,
      [model, deployment, after, dateOf(untilMs), Math.ceil(untilMs / HOUR_MS)],
    );
  }

  /** Files with observations that came at or after a moment, the first ones received. */
  async filesSince(model: string, deployment: string, since: Date, atMost: number): Promise<ObservationFile[]> {
    return this.dataSource.manager.createQueryBuilder(ObservationFile, 'file')
      .where("file.model = :model AND file.deployment = :deployment AND file.kind = 'observation' AND file.newest_received_at >= :since", { model, deployment, since })
      .orderBy({ 'file.newest_received_at': 'ASC', 'file.gateway': 'ASC', 'file.boot': 'ASC', 'file.segment': 'ASC' })
      .take(atMost).getMany();
  }

  /**
   * The lead of a deployment's event time over its receipt, in milliseconds: the largest that files with more than `strayShare` of
   * the rows have reached, of the `latest` files that were received last. Null where there are none.
   */
  async leadMs(model: string, deployment: string, { latest, strayShare }: { latest: number; strayShare: number }): Promise<number | null> {
    const rows: { lead: number | null }[] = await this.dataSource.query(LEAD, [model, deployment, latest, strayShare]);
    return rows[0]?.lead ?? null;
  }
}

async function convertedWithin(manager: EntityManager, { gateway, boot, segment }: SegmentId, { files, damage }: SegmentConversion): Promise<boolean> {
  for (const { model, deployment, kind } of files) if (kind === 'observation') await manager.query(`SELECT pg_advisory_xact_lock_shared(${ARRIVALS})`, [model, deployment]);
  // A millisecond more: a line that was drawn within this one lies before it.
  const { affected } = await manager.update(ObservationSegment, { gateway, boot, segment, convertedAt: IsNull() }, { convertedAt: () => `${NOW_MS} + interval '1 millisecond'`, damage });
  if (affected !== 1) return false;
  const rows = files.map(({ firstEventMs, lastEventMs, newestReceivedMs, eventHours, idFilter: _filter, ...file }) => ({
    ...file, eventHours: eventHours && [...eventHours], gateway, boot, segment, firstEventTime: dateOf(firstEventMs), lastEventTime: dateOf(lastEventMs), newestReceivedAt: dateOf(newestReceivedMs),
  }));
  await manager.insert(ObservationFile, rows);
  for (const { model, deployment, idFilter } of files) if (idFilter) await addFilter(manager, { gateway, boot, segment, model, deployment }, idFilter);
  return true;
}

const registration = ({ gateway, boot, segment, digest, bytes, observations, mirrored, firstEventMs, lastEventMs, sealedAt }: SegmentRegistration): unknown[] =>
  [gateway, boot, segment, digest, bytes, observations, mirrored, dateOf(firstEventMs), dateOf(lastEventMs), sealedAt];

/** PostgreSQL's and JavaScript's calendars both hold these years; a caller's event time may lie outside. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const LATEST_MS = Date.UTC(9999, 11, 31);

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(Math.min(LATEST_MS, Math.max(EARLIEST_MS, ms))));
