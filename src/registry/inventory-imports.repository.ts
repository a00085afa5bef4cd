import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, In } from 'typeorm';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { permits, refusalText, rolesWith } from '../contracts/permissions.js';
import { AuditLedger } from './audit-ledger.js';
import { callerNamed } from './callers.repository.js';
import { InventoryEntry, InventoryImport } from './entities/inventory.entity.js';
import { Model } from './entities/model.entity.js';
import { namedNow } from './successors.js';

/** What a line of a file says of a model; its names are unique. */
export type NewInventoryEntry = Omit<InventoryEntry, 'revision' | 'import'>;

export interface ImportRequest {
  readonly actor: string;
  readonly idempotencyKey: string;
  readonly entries: readonly NewInventoryEntry[];
}

export interface ImportOutcome {
  readonly import: InventoryImport;
  /** Models of the file that are registered here: their entries stand beside what the record knows of them. */
  readonly registered: number;
}

/** Of those who import one does at a time: two files that name a model become two revisions. */
const IMPORT_LOCK = 1_768_846_962;

/** Files of models that were found elsewhere. */
@Injectable()
export class InventoryImportsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /**
   * Takes a file once for each actor and idempotency key: all of it, or nothing. A model of which it says what is known already gets no further revision.
   * @throws PerennialError `Forbidden`, `IdempotencyKeyReused`
   */
  async take({ actor, idempotencyKey, entries }: ImportRequest, at: Date): Promise<ImportOutcome> {
    const digest = digestOf(entries.map(sayingOf));
    return this.dataSource.transaction(async (manager) => {
      await lockImports(manager);
      const before = await manager.findOneBy(InventoryImport, { actor, idempotencyKey });
      if (before) return { import: repeated(before, digest), registered: await registeredOf(manager, entries) };
      await requireImporter(manager, actor);
      const known = await newestOf(manager, entries);
      const named = await ownedNow(manager, entries);
      const news = named.filter((entry) => digestOf(sayingOf(entry)) !== known.get(entry.name)?.digest);
      const added = news.filter(({ name }) => !known.has(name)).length;
      const number = ((await manager.maximum(InventoryImport, 'number')) ?? 0) + 1;
      const taken: InventoryImport = { number, actor, idempotencyKey, digest, added, changed: news.length - added, unchanged: entries.length - news.length, at };
      await manager.insert(InventoryImport, taken);
      for (const entry of news) await this.add(manager, { ...entry, import: number, revision: (known.get(entry.name)?.revision ?? 0) + 1 }, taken);
      const { changed, unchanged } = taken;
      await this.audit.append(manager, { at, actor, action: 'inventory.imported', model: null, subject: `inventory/import/${number}`, details: { digest, added, changed, unchanged } });
      return { import: taken, registered: await registeredOf(manager, entries) };
    });
  }

  private async add(manager: EntityManager, entry: InventoryEntry, { actor, at, number }: InventoryImport): Promise<void> {
    await manager.insert(InventoryEntry, entry);
    const { name, revision, line } = entry;
    await this.audit.append(manager, {
      at, actor, action: 'inventory.recorded', model: name, subject: `inventory/${name}/${revision}`, details: { import: number, line, state: entry.state, digest: digestOf(sayingOf(entry)) },
    });
  }
}

/** A file that names somebody who has left says what the one before said, when a successor has their models. */
async function ownedNow(manager: EntityManager, entries: readonly NewInventoryEntry[]): Promise<NewInventoryEntry[]> {
  const owners = new Map<string, string>();
  for (const { owner } of entries) if (owner !== null && !owners.has(owner)) owners.set(owner, (await namedNow(manager, owner)).name);
  return entries.map((entry) => ({ ...entry, owner: entry.owner === null ? null : (owners.get(entry.owner) as string) }));
}

/** Gives the entries of somebody who leaves to somebody else, each as a further revision of what its import said. @returns how many */
export async function handEntriesOver(manager: EntityManager, { from, to, by, at }: { readonly from: string; readonly to: string; readonly by: string; readonly at: Date }, audit: AuditLedger): Promise<number> {
  await lockImports(manager);
  const newest = await manager.getRepository(InventoryEntry).createQueryBuilder('entry').distinctOn(['entry.name']).orderBy('entry.name').addOrderBy('entry.revision', 'DESC').getMany();
  const owned = newest.filter(({ owner }) => owner === from);
  for (const before of owned) {
    const entry = Object.assign(new InventoryEntry(), before, { owner: to, revision: before.revision + 1 });
    await manager.insert(InventoryEntry, entry);
    const { name, revision } = entry;
    await audit.append(manager, { at, actor: by, action: 'inventory.handedOver', model: name, subject: `inventory/${name}/${revision}`, details: { from, to, digest: digestOf(sayingOf(entry)) } });
  }
  return owned.length;
}

const lockImports = (manager: EntityManager): Promise<unknown> => manager.query('SELECT pg_advisory_xact_lock($1)', [IMPORT_LOCK]);

/** What is said of the model, wherever it stands in a file. */
const sayingOf = ({ name, owner, tier, environment, endpoint, source, monitoring, description, state }: NewInventoryEntry): object =>
  ({ name, owner, tier, environment, endpoint, source, monitoring, description, state });

const digestOf = (said: object): string => sha256(canonicalJson(said));

function repeated(before: InventoryImport, wanted: string): InventoryImport {
  if (before.digest === wanted) return before;
  throw new PerennialError('IdempotencyKeyReused', 'The idempotency key was first used for a file that says something else; send this one with a key of its own', { firstKind: 'importInventory' });
}

/** The right is looked at once more where it takes effect, as that of a command. */
async function requireImporter(manager: EntityManager, actor: string): Promise<void> {
  const caller = await callerNamed(manager, actor);
  if (caller?.active && permits(caller, 'inventory.import', null)) return;
  throw new PerennialError('Forbidden', refusalText(actor, caller?.kind ?? 'person', 'inventory.import', null), { permission: 'inventory.import', roles: rolesWith('inventory.import') });
}

async function newestOf(manager: EntityManager, entries: readonly NewInventoryEntry[]): Promise<Map<string, { readonly revision: number; readonly digest: string }>> {
  const found = await manager.getRepository(InventoryEntry).createQueryBuilder('entry').distinctOn(['entry.name'])
    .where({ name: In(entries.map(({ name }) => name)) }).orderBy('entry.name').addOrderBy('entry.revision', 'DESC').getMany();
  return new Map(found.map((entry) => [entry.name, { revision: entry.revision, digest: digestOf(sayingOf(entry)) }]));
}

const registeredOf = (manager: EntityManager, entries: readonly NewInventoryEntry[]): Promise<number> => manager.countBy(Model, { name: In(entries.map(({ name }) => name)) });
