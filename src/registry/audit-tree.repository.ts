import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PerennialError } from '../contracts/failures.js';
import type { ExportedText, ExportLine } from '../ledger/export-line.js';
import { entryHash, leafBytes, type LedgerEntry } from '../ledger/ledger-leaf.js';
import { consistencyRanges, GrowingTree, type Hash, inclusionRanges, type LeafRange, rangeHash, type Subtree, subtreesOf, type TreeHead } from '../ledger/merkle-tree.js';
import { AuditCheckpoint, AuditLeaf } from './entities/audit-tree.entity.js';

/** Held by whoever adds to the tree, to the end of its transaction; no business transaction takes it. */
const TREE_LOCK = 1_635_083_369;
const EXPORT_PAGE = 500;
const PAGE_CHARACTERS = 65_536;

// As JSON has it, a time is the same whatever the session's settings are, to the last microsecond.
const ENTRY = `entry.id, (to_json(entry.at AT TIME ZONE 'UTC') #>> '{}') || 'Z' AS at, entry.actor, entry.action, entry.model, entry.subject, entry.details_digest AS "detailsDigest",
  entry.command_id AS "commandId", entry.workflow_id AS "workflowId", entry.run_id AS "runId"`;

/** PostgreSQL's driver gives bigint as text. */
type EntryRow = Omit<LedgerEntry, 'id'> & { readonly id: string };

/** That an entry stands in the tree of a size. */
export interface InclusionProof extends TreeHead {
  readonly entryId: number;
  readonly position: number;
  /** What the leaf's hash is taken over. */
  readonly leaf: string;
  readonly leafHash: Hash;
  readonly path: readonly Hash[];
  /** The signed note over that size, where there is one. */
  readonly checkpoint: string | null;
}

/** The ledger as a Merkle tree: who adds to it, and what is read of it. */
@Injectable()
export class AuditTreeRepository {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Takes entries that have no leaf into the tree, all or none of them, in the order of their ids among those that are committed.
   * @returns how many; 0 also where another sequencer is at it
   */
  async sequence(limit: number): Promise<number> {
    const taken = await this.exclusively(async (_turn, manager) => {
      const rows: EntryRow[] = await manager.query(`SELECT ${ENTRY} FROM audit_pending JOIN audit_entry entry ON entry.id = entry_id ORDER BY entry_id LIMIT $1`, [limit]);
      if (rows.length > 0) await grow(manager, rows.map(entryOf));
      return rows.length;
    });
    return taken ?? 0;
  }

  /** Runs `work` while nobody else adds to the tree. @returns undefined where somebody does */
  async exclusively<T>(work: (turn: TreeTurn, manager: EntityManager) => Promise<T>): Promise<T | undefined> {
    return this.dataSource.transaction(async (manager) => {
      const [{ locked }] = await manager.query<[{ locked: boolean }]>('SELECT pg_try_advisory_xact_lock($1) AS locked', [TREE_LOCK]);
      return locked ? work(new TreeTurn(manager), manager) : undefined;
    });
  }

  async newestCheckpoint(): Promise<AuditCheckpoint | null> {
    return newestCheckpoint(this.dataSource.manager);
  }

  /** How many entries the tree has. */
  async size(): Promise<number> {
    return sizeOf(this.dataSource.manager);
  }

  /** The export as it is sent, a page at a time. */
  async* exportText(size: number): AsyncGenerator<string> {
    let page = '';
    for await (const line of exportLines(this.dataSource.manager, size)) {
      page += `${JSON.stringify(line)}\n`;
      if (page.length < PAGE_CHARACTERS) continue;
      yield page;
      page = '';
    }
    yield page;
  }

  /**
   * Proves an entry.
   * @param size of the tree that is proven against; that of the newest checkpoint where it is not given
   * @throws PerennialError `NotFound`, saying of what there is none (yet)
   */
  async proofOf(entryId: number, size?: number): Promise<InclusionProof> {
    const { manager } = this.dataSource;
    const [row]: EntryRow[] = await manager.query(`SELECT ${ENTRY} FROM audit_entry entry WHERE id = $1`, [entryId]);
    if (!row) throw new PerennialError('NotFound', `The ledger has no entry ${entryId}`, { entry: entryId });
    const leaf = await manager.findOneBy(AuditLeaf, { entryId });
    const under = size ?? (await newestCheckpoint(manager))?.size ?? 0;
    if (!leaf || leaf.position >= under) throw new PerennialError('NotFound', `Entry ${entryId} is not yet in the tree of ${under} entries; a checkpoint over it is signed within a minute`, { entry: entryId, size: under });
    if (under > (await sizeOf(manager))) throw new PerennialError('NotFound', `The tree does not have ${under} entries yet`, { size: under });
    const [path, [root]] = await Promise.all([hashesOf(manager, inclusionRanges(leaf.position, under)), hashesOf(manager, [{ start: 0, end: under }])]);
    const checkpoint = await manager.findOneBy(AuditCheckpoint, { size: under });
    return { entryId, position: leaf.position, size: under, leaf: leafBytes(entryOf(row)).toString(), leafHash: leaf.leafHash, path, root: root as Hash, checkpoint: checkpoint?.note ?? null };
  }
}

/** What is asked and added while nobody else adds to the tree. */
export class TreeTurn {
  constructor(private readonly manager: EntityManager) {}

  async head(): Promise<TreeHead> {
    const size = await sizeOf(this.manager);
    const [root] = await hashesOf(this.manager, [{ start: 0, end: size }]);
    return { size, root: root as Hash };
  }

  async consistency(first: number, size: number): Promise<Hash[]> {
    return hashesOf(this.manager, consistencyRanges(first, size));
  }

  async newestCheckpoint(): Promise<AuditCheckpoint | null> {
    return newestCheckpoint(this.manager);
  }

  async addCheckpoint(checkpoint: AuditCheckpoint): Promise<void> {
    await this.manager.query('INSERT INTO audit_checkpoint (size, root, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT (size) DO NOTHING', [checkpoint.size, checkpoint.root, checkpoint.note, checkpoint.at]);
  }

  /** Puts on the record that the tree was not signed. */
  async addRefusal(size: number, reason: string, at: Date): Promise<void> {
    await this.manager.query('INSERT INTO audit_refusal (size, reason, at) VALUES ($1, $2, $3)', [size, reason, at]);
  }
}

/** The ledger in the order of the tree, a page at a time, up to a size: the same lines however long it takes. */
export async function* exportLines(manager: EntityManager, size: number): AsyncGenerator<ExportLine> {
  for (let after = -1; ;) {
    const rows: (EntryRow & { position: string; leafHash: Buffer; entryId: string; details: Buffer })[] = await manager.query(
      `SELECT leaf.position, leaf.leaf_hash AS "leafHash", leaf.entry_id AS "entryId", entry.details, ${ENTRY}
       FROM audit_leaf leaf LEFT JOIN audit_entry entry ON entry.id = leaf.entry_id
       WHERE leaf.position > $1 AND leaf.position < $2 ORDER BY leaf.position LIMIT $3`,
      [after, size, EXPORT_PAGE],
    );
    const texts = await textsOf(manager, rows.map(({ entryId }) => entryId));
    for (const { position, leafHash, entryId, details, ...entry } of rows) {
      yield {
        position: Number(position), leafHash: leafHash.toString('base64'), entryId: Number(entryId),
        entry: entry.id === null ? null : { ...entryOf(entry), details: details.toString('utf8') }, texts: texts.get(entryId) ?? [],
      };
    }
    after = Number(rows.at(-1)?.position);
    if (rows.length < EXPORT_PAGE) return;
  }
}

async function textsOf(manager: EntityManager, entryIds: readonly string[]): Promise<Map<string, ExportedText[]>> {
  const rows: { entry_id: string; field: string; salt: Buffer | null; text: string | null; erased_at: Date | null }[] =
    await manager.query('SELECT entry_id, field, salt, text, erased_at FROM audit_text WHERE entry_id = ANY($1) ORDER BY entry_id, field', [entryIds]);
  const byEntry = new Map<string, ExportedText[]>();
  for (const { entry_id: id, field, salt, text, erased_at: erasedAt } of rows) {
    byEntry.set(id, [...(byEntry.get(id) ?? []), { field, salt: salt?.toString('base64') ?? null, text, erasedAt: erasedAt?.toISOString() ?? null }]);
  }
  return byEntry;
}

const entryOf = (row: EntryRow): LedgerEntry => ({ ...row, id: Number(row.id) });

async function grow(manager: EntityManager, entries: readonly LedgerEntry[]): Promise<void> {
  const size = await sizeOf(manager);
  const tree = new GrowingTree(size, await nodesOf(manager, subtreesOf({ start: 0, end: size })));
  const leaves = entries.map(entryHash);
  const nodes = leaves.flatMap((leaf) => tree.append(leaf));
  await manager.query(
    'INSERT INTO audit_leaf (position, entry_id, leaf_hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])',
    [leaves.map((_, index) => size + index), entries.map(({ id }) => id), leaves],
  );
  await manager.query(
    'INSERT INTO audit_node (level, place, hash) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])',
    [nodes.map(({ level }) => level), nodes.map(({ place }) => place), nodes.map(({ hash }) => hash)],
  );
}

async function sizeOf(manager: EntityManager): Promise<number> {
  const [{ size }] = await manager.query<[{ size: string }]>('SELECT coalesce(max(position) + 1, 0) AS size FROM audit_leaf');
  return Number(size);
}

async function newestCheckpoint(manager: EntityManager): Promise<AuditCheckpoint | null> {
  return manager.findOne(AuditCheckpoint, { where: {}, order: { size: 'DESC' } });
}

async function hashesOf(manager: EntityManager, ranges: readonly LeafRange[]): Promise<Hash[]> {
  const subtrees = ranges.flatMap(subtreesOf);
  const hashes = await nodesOf(manager, subtrees);
  const known = new Map(subtrees.map((subtree, index) => [nameOf(subtree), hashes[index] as Hash]));
  return ranges.map((range) => rangeHash(range, (subtree) => known.get(nameOf(subtree)) as Hash));
}

const nameOf = ({ level, place }: Subtree): string => `${level}/${place}`;

/** @throws PerennialError `Internal` where one is not there: nothing of ours takes any away */
async function nodesOf(manager: EntityManager, subtrees: readonly Subtree[]): Promise<Hash[]> {
  const rows: { level: number; place: string; hash: Buffer }[] = await manager.query(
    `SELECT level, place, hash FROM unnest($1::smallint[], $2::bigint[]) wanted (level, place) JOIN audit_node USING (level, place)
     UNION ALL SELECT 0, position, leaf_hash FROM audit_leaf WHERE position = ANY($3)`,
    [subtrees.map(({ level }) => level), subtrees.map(({ place }) => place), subtrees.filter(({ level }) => level === 0).map(({ place }) => place)],
  );
  const found = new Map(rows.map(({ level, place, hash }) => [`${level}/${place}`, hash]));
  return subtrees.map((subtree) => {
    const hash = found.get(nameOf(subtree));
    if (!hash) throw new PerennialError('Internal', `The audit tree lacks its node ${nameOf(subtree)}: somebody changed the database past the application; compare an export with the checkpoints (docs/AUDIT.md)`);
    return hash;
  });
}
