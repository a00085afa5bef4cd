import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['approval_end', 'validation_end'];

/** What persons gave for the end of an approval or a validation stands with their command alone, where it can be erased; the end names the command. */
export class EndsWithoutWords1763834000000 implements MigrationInterface {
  readonly name = 'EndsWithoutWords1763834000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} ADD COLUMN command_id uuid CONSTRAINT ${table}_command REFERENCES command (id)`);
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} DISABLE TRIGGER ${table}_append_only`);
    await runner.query(WITHOUT_WORDS);
    for (const table of TABLES) await runner.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only`);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// Words that were erased from the command still stand in the end: its own sentence is what is kept.
const WITHOUT_WORDS = `
UPDATE approval_end over SET command_id = move.command_id, reason = move.actor || CASE move.action WHEN 'sendBack' THEN ' sent it back.' ELSE ' abandoned it.' END
FROM approval one, stage_move move
WHERE one.model = over.model AND one.number = over.approval AND move.model = over.model
  AND (move.stage, move.subject) = (CASE one.kind WHEN 'useCase' THEN 'useCaseApproval' ELSE 'validation' END, CASE one.kind WHEN 'useCase' THEN one.number ELSE one.version END)
  AND (over.outcome, move.action) IN (('sentBack', 'sendBack'), ('abandoned', 'abandon'))
  AND starts_with(over.reason, move.actor || CASE move.action WHEN 'sendBack' THEN ' sent it back. ' ELSE ' abandoned it. ' END)
  AND (move.reason = '(erased)' OR over.reason = move.actor || CASE move.action WHEN 'sendBack' THEN ' sent it back. ' ELSE ' abandoned it. ' END || move.reason);
UPDATE validation_end over SET command_id = move.command_id, reason = move.actor || CASE move.action WHEN 'sendBack' THEN ' sent it back to development.' ELSE ' abandoned it.' END
FROM stage_move move
WHERE move.model = over.model AND move.stage = 'validation' AND move.subject = over.version
  AND (over.outcome, move.action) IN (('sentBack', 'sendBack'), ('abandoned', 'abandon'))
  AND starts_with(over.reason, move.actor || CASE move.action WHEN 'sendBack' THEN ' sent it back to development. ' ELSE ' abandoned it. ' END)
  AND (move.reason = '(erased)' OR over.reason = move.actor || CASE move.action WHEN 'sendBack' THEN ' sent it back to development. ' ELSE ' abandoned it. ' END || move.reason);
UPDATE validation_end over SET reason = decision.actor || ' rejected it.'
FROM validation_decision decision
WHERE decision.model = over.model AND decision.version = over.version AND decision.choice = 'reject' AND decision.actor <> 'perennial'
  AND over.outcome = 'rejected' AND (over.reason = decision.reason OR decision.reason = '(erased)');
`;
