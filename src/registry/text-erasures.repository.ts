import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { canonicalJson } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { AuditLedger } from './audit-ledger.js';
import { Command } from './entities/command.entity.js';
import { LegalHoldsRepository } from './legal-holds.repository.js';
import { ERASED, WRITTEN_COLUMNS } from './written-words.js';

export interface Erasure {
  readonly entry: number;
  /** One of the entry's texts; all of them where it is not given. */
  readonly field?: string | undefined;
  readonly actor: string;
  readonly reason: string;
}

export interface ErasureOutcome {
  readonly entry: number;
  /** Texts that are gone now: of the entry, and of others of the same person about the same model in the same words. Empty where they had been erased before. */
  readonly erased: readonly { readonly entry: number; readonly field: string }[];
  /** Rows of the record beside the ledger that had the words. */
  readonly copies: number;
}

/** The entry that words are erased by, and the legal holds in force over its model: their numbers. */
interface HeldEntry {
  readonly model: string | null;
  readonly subject: string;
  readonly holds: readonly number[];
}

interface WrittenText {
  readonly entry: string;
  readonly field: string;
  readonly text: string;
  readonly digest: string | null;
  readonly model: string | null;
  readonly subject: string;
  readonly commandId: string | null;
}

/** Takes people's words off the record. */
@Injectable()
export class TextErasures {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
    private readonly holds: LegalHoldsRepository,
  ) {}

  /**
   * Erases what a person wrote beside an entry, with the salt that would let it be guessed, and the copies that commands and their rows have. Entries and tree stay as they
   * are; that it was erased, by whom and why, is an entry of its own for each text. What is erased already stays so: asked again, nothing happens. What is
   * erased by one entry is of one model: under a legal hold of it nothing is, and that it was asked for is on record.
   * @throws PerennialError `NotFound` where there is no such entry, or nobody ever wrote anything beside it; `UnderLegalHold`
   */
  async erase(erasure: Erasure, at: Date): Promise<ErasureOutcome> {
    const outcome = await this.dataSource.transaction(async (manager) => {
      const { entry, field, actor, reason } = erasure;
      await requireTexts(manager, entry, field);
      const held = await this.heldEntry(manager, entry);
      const texts = await sameWords(manager, entry, field);
      if (texts.length > 0 && held.holds.length > 0) return this.refuse(manager, erasure, held, at);
      let copies = 0;
      for (const { entry: id, field: name, text, digest, model, subject, commandId } of texts) {
        await manager.query('UPDATE audit_text SET text = NULL, salt = NULL, erased_at = $3 WHERE entry_id = $1 AND field = $2', [id, name, at]);
        const found = commandId === null ? 0 : await eraseCopies(manager, commandId, text);
        copies += found;
        await this.audit.append(manager, { at, actor, action: 'text.erased', model, subject, details: { entry: Number(id), field: name, digest, copies: found }, texts: { reason } });
      }
      return { entry, erased: texts.map(({ entry: id, field: name }) => ({ entry: Number(id), field: name })), copies };
    });
    if (outcome instanceof PerennialError) throw outcome;
    return outcome;
  }

  /** With the model's row locked: a hold is set before, and seen, or after the words are gone. */
  private async heldEntry(manager: EntityManager, entry: number): Promise<HeldEntry> {
    const [found] = await manager.query<[Pick<HeldEntry, 'model' | 'subject'>]>('SELECT model, subject FROM audit_entry WHERE id = $1', [entry]);
    if (found.model === null) return { ...found, holds: [] };
    await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [found.model]);
    return { ...found, holds: await this.holds.inForce(found.model, manager) };
  }

  /** Puts on record that words were to be erased which a legal hold keeps. @returns what to tell who asked, once it is kept */
  private async refuse(manager: EntityManager, { entry, field, actor, reason }: Erasure, { model, subject, holds }: HeldEntry, at: Date): Promise<PerennialError> {
    const which = holds.length === 1 ? `legal hold ${holds.join()}` : `legal holds ${holds.join(', ')}`;
    const message = `Nothing was erased: ${which} of ${model} ${holds.length === 1 ? 'keeps' : 'keep'} everything of the model, what people wrote beside entry ${entry} too. Once a validator has lifted ${
      holds.length === 1 ? 'it' : 'them'} (\`perennial legal-hold lift ${model} <number> --reason …\`), ask again; entries of other models can be erased meanwhile`;
    const details = { entry, models: [model], holds };
    await this.audit.append(manager, {
      at, actor, action: 'eraseText.refused', model, subject, details: { outcome: { kind: 'refused', type: 'UnderLegalHold', message, details }, body: { entry, field: field ?? null } }, texts: { reason },
    });
    return new PerennialError('UnderLegalHold', message, details);
  }
}

async function requireTexts(manager: EntityManager, entry: number, field: string | undefined): Promise<void> {
  const [{ known, fields }] = await manager.query<[{ known: boolean; fields: string[] }]>(
    'SELECT EXISTS (SELECT FROM audit_entry WHERE id = $1) AS known, ARRAY(SELECT field FROM audit_text WHERE entry_id = $1 ORDER BY field) AS fields', [entry]);
  if (!known) throw new PerennialError('NotFound', `The ledger has no entry ${entry}`, { entry });
  if (fields.length === 0) throw new PerennialError('NotFound', `Entry ${entry} has no text of a person that could be erased`, { entry });
  if (field !== undefined && !fields.includes(field)) throw new PerennialError('NotFound', `Entry ${entry} has no text ${JSON.stringify(field)}; it has ${fields.join(', ')}`, { entry, fields });
}

/** Rows are locked, so that of two who erase the same words one does. */
function sameWords(manager: EntityManager, entry: number, field: string | undefined): Promise<WrittenText[]> {
  return manager.query(
    `SELECT there.entry_id AS entry, there.field, there.text, convert_from(other.details, 'UTF8')::json #>> ARRAY['texts', there.field] AS digest, other.model, other.subject, other.command_id AS "commandId"
     FROM audit_entry one JOIN audit_text here ON here.entry_id = one.id AND here.text IS NOT NULL AND ($2::text IS NULL OR here.field = $2)
       JOIN audit_entry other ON other.actor = one.actor AND other.model IS NOT DISTINCT FROM one.model JOIN audit_text there ON there.entry_id = other.id AND there.text = here.text
     WHERE one.id = $1 ORDER BY there.entry_id, there.field FOR UPDATE OF there`,
    [entry, field ?? null],
  );
}

/** What a command asked for, what was told of it, and the rows that it made. Its digest stays, so that it is still known when it is sent again. */
async function eraseCopies(manager: EntityManager, commandId: string, text: string): Promise<number> {
  let copies = await eraseFromCommand(manager, commandId, text);
  for (const [table, columns] of Object.entries(WRITTEN_COLUMNS)) {
    for (const column of columns) copies += await changed(manager, `UPDATE ${table} SET ${column} = $3 WHERE command_id = $1 AND ${column} = $2`, [commandId, text, ERASED]);
  }
  return copies + (await changed(manager, 'UPDATE alarm_end SET reason = $3 WHERE reason = $2 AND alarm_id IN (SELECT alarm_id FROM alarm_action WHERE command_id = $1)', [commandId, text, ERASED]));
}

async function eraseFromCommand(manager: EntityManager, id: string, text: string): Promise<number> {
  const command = await manager.findOneByOrFail(Command, { id });
  const [body, outcome] = [JSON.parse(command.body.toString('utf8')) as unknown, command.outcome].map((found) => canonicalJson(withoutWords(found, text)));
  if (body === command.body.toString('utf8') && outcome === canonicalJson(command.outcome)) return 0;
  await manager.query('UPDATE command SET body = $2, outcome = $3 WHERE id = $1', [id, Buffer.from(body as string), outcome]);
  return 1;
}

/** Wherever they stand: what was asked for may hold findings, and answers that are kept as one text; a refusal may quote why a stage is paused. */
function withoutWords(value: unknown, text: string): unknown {
  if (value === text || (typeof value === 'object' && value !== null && canonicalJson(value) === text)) return ERASED;
  if (typeof value === 'string') return value.replaceAll(JSON.stringify(text), ERASED);
  if (Array.isArray(value)) return value.map((one: unknown) => withoutWords(one, text));
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutWords(one, text)])) : value;
}

async function changed(manager: EntityManager, statement: string, values: readonly string[]): Promise<number> {
  const [, count] = await manager.query<[unknown, number]>(statement, [...values]);
  return count;
}
