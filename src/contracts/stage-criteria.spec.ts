import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STAGE_CRITERIA, type StageCriterion, stageLines } from './stage-criteria.js';
import { STAGES, type Stage } from './stages.js';

const DOC = readFileSync(join(import.meta.dirname, '../../docs/LIFECYCLE.md'), 'utf8');

/** A stage's table, row by row, without the marks of Markdown. */
function rowsOf(stage: Stage): Map<string, string> {
  const section = new RegExp(`^## ${STAGE_CRITERIA[stage].title}\n([^]*?)^##`, 'm').exec(DOC)?.[1] ?? '';
  const plain = section.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll('`', '');
  return new Map([...plain.matchAll(/^\| ([a-z ]+) \| (.+) \|$/gm)].map(([, name, text]) => [name as string, text as string]));
}

const rowOf = (rows: Map<string, string>, ...names: string[]): string => names.flatMap((name) => rows.get(name) ?? []).join('\n');
const missing = (row: string, criteria: readonly StageCriterion[]): string[] => criteria.map(([, sentence]) => sentence).filter((sentence) => !row.includes(sentence));

describe.each(STAGES)('what the stage %s asks for', (stage) => {
  const rows = rowsOf(stage);
  const { workflow, workflowId, entry, required, exit, accountable, movedBy } = STAGE_CRITERIA[stage];

  it('is what docs/LIFECYCLE.md says, in its words', () => {
    expect(rowOf(rows, 'workflow')).toContain(`${workflow}, id ${workflowId}`);
    expect(missing(rowOf(rows, 'entry'), entry)).toEqual([]);
    expect(missing(rowOf(rows, 'artifact', 'artifacts'), required)).toEqual([]);
    expect(missing(rowOf(rows, 'exit'), exit)).toEqual([]);
    expect(rowOf(rows, 'accountable')).toBe(accountable);
    expect(rowOf(rows, 'who moves it')).toContain(movedBy);
  });

  it('is nothing that is empty', () => {
    for (const criteria of [entry, required, exit]) expect(criteria.length).toBeGreaterThan(0);
  });
});

describe('as lines', () => {
  it('they say of each criterion whether it is met, where that is known', () => {
    const lines = stageLines('retirement', { archived: true, drilled: false }, 'ann');
    expect(lines).toContain('- **Required**: ✔ the archive; ✘ the outcome of its drill; the certificate of retirement (JSON and page)');
    expect(lines).toContain('- **Exit**: its traffic is drained: every gateway answers 410; ✘ the archive was restored in a drill; every class of evidence was gone through when its time was over');
    expect(lines.find((line) => line.startsWith('- **Accountable**'))).toMatch(/^- \*\*Accountable\*\*: the owner that the spec names \(ann\)\. Moved by: approvers vote/);
  });
});
