import type { EntityManager } from 'typeorm';

/** Whom a name on the record stands for now. */
export interface NamedNow {
  /** Who took the place of a person who left, also by way of others who left since; else the name itself. */
  readonly name: string;
  /** Whether it is a principal's who may not act, and nobody who may has taken their place. */
  readonly deactivated: boolean;
}

/** Of many who change people one at a time does: two administrators cannot take each other's role away. */
const PEOPLE_LOCK = 1_886_416_741;

/** Waits until nobody changes people, and keeps it so until the transaction ends. @param how `change`: one at a time; `read`: for those whom a transaction names, taken before it locks a model's row */
export const lockPeople = (manager: EntityManager, how: 'change' | 'read'): Promise<unknown> =>
  manager.query(`SELECT ${how === 'change' ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'}($1)`, [PEOPLE_LOCK]);

/** A name that nobody is registered under stands for itself. */
export async function namedNow(manager: EntityManager, name: string): Promise<NamedNow> {
  const [last]: { name: string; active: boolean }[] = await manager.query(FOLLOWED, [name]);
  return last?.active === false ? { name, deactivated: true } : { name: last?.name ?? name, deactivated: false };
}

// Who came back acts for themselves; who replaced each other in a circle lead nowhere.
const FOLLOWED = `
WITH RECURSIVE followed AS (
  SELECT p.name, p.active, ARRAY[p.name] AS seen FROM principal p WHERE p.name = $1
  UNION ALL
  SELECT next.name, next.active, f.seen || next.name FROM followed f
  CROSS JOIN LATERAL (SELECT r.successor FROM person_replacement r WHERE r.name = f.name ORDER BY r.number DESC LIMIT 1) last
  JOIN principal next ON next.name = last.successor
  WHERE NOT f.active AND next.name <> ALL (f.seen)
)
SELECT name, active FROM followed ORDER BY cardinality(seen) DESC LIMIT 1`;
