import type { EntityManager } from 'typeorm';
import { entryHash } from '../../src/ledger/ledger-leaf.js';
import { GrowingTree } from '../../src/ledger/merkle-tree.js';
import { exportLines } from '../../src/registry/audit-tree.repository.js';

/** What a superuser puts off before anything of the ledger can be changed. */
export const LEDGER_TABLES = ['audit_entry', 'audit_leaf', 'audit_node', 'audit_text', 'audit_checkpoint'] as const;

export async function withoutTriggers(manager: EntityManager): Promise<void> {
  for (const table of LEDGER_TABLES) await manager.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
}

/** Makes leaves and nodes anew over the entries in the given order, as the application would have. */
export async function rewriteTree(manager: EntityManager, order: (ids: string[]) => string[] = (ids) => ids): Promise<GrowingTree> {
  const ids = (await manager.query<{ id: string }[]>('SELECT id FROM audit_entry ORDER BY id')).map(({ id }) => id);
  await manager.query('DELETE FROM audit_node');
  await manager.query('DELETE FROM audit_leaf');
  const tree = new GrowingTree();
  for (const [position, id] of order(ids).entries()) {
    await manager.query('INSERT INTO audit_leaf VALUES ($1, $2, $3)', [position, id, Buffer.alloc(32)]);
    for await (const { position: at, entry } of exportLines(manager, position + 1)) {
      if (at !== position) continue;
      const hash = entryHash(entry as NonNullable<typeof entry>);
      await manager.query('UPDATE audit_leaf SET leaf_hash = $2 WHERE position = $1', [position, hash]);
      for (const node of tree.append(hash)) await manager.query('INSERT INTO audit_node VALUES ($1, $2, $3)', [node.level, node.place, node.hash]);
    }
  }
  return tree;
}
