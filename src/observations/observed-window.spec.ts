import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ObservedWindowQuery, withObservedWindow } from './observed-window.js';
import { ObservedFiles } from './testing/observed-files.js';

const START = Date.parse('2024-01-01T00:00:00Z');
let files: ObservedFiles;

beforeAll(async () => {
  files = await ObservedFiles.make();
});
afterAll(() => files.remove());

async function counted(query: Partial<Omit<ObservedWindowQuery, 'files'>> & { observations: string[]; labels?: string[] }): Promise<{ kept: readonly string[] | null; counts: unknown }> {
  const { observations, labels = [], ...more } = query;
  return withObservedWindow({ fromMs: START, untilMs: START + 60_000, version: null, scratch: files.folder, files: { observations, labels }, ...more }, async (database, { relation, kept }) => {
    const inputs = (kept ?? []).map((name) => `count(inputs.${name})::INTEGER AS ${name}`);
    const [counts] = await database.rows(`SELECT ${['count(*)::INTEGER AS rows', 'sum(output) AS outputs', 'count(label)::INTEGER AS labelled', ...inputs].join(', ')} FROM ${relation}`);
    return { kept, counts };
  });
}

it('shows inputs, outputs and known labels of the window, each prediction once', async () => {
  const observations = [
    await files.observations('range(50, 70) t(i)', { output: '1::FLOAT', inputs: "{'size': CASE WHEN i % 5 = 0 THEN NULL ELSE i END::FLOAT, 'colour': ['red', 'bl''ue', 'green', NULL][i % 4 + 1]}" }),
    await files.observations('range(50, 52) t(i)', { gateway: "'other'", received_at: "TIMESTAMP '2025-01-01'", output: '100::FLOAT' }),
  ];
  const labels = [await files.labels("1, 1, 'p-51', NULL, NULL, 1, 5", "1, 2, 'p-65', NULL, NULL, 1, 5")];
  expect(await counted({ observations, labels })).toEqual({
    kept: ['size', 'colour'],
    counts: { rows: 10, outputs: 10, labelled: 1, size: 8, colour: 7 },
  });
});

it('has labels and outcomes each as it is known last, whichever came with which, and reads files that have no outcomes', async () => {
  const observations = [await files.observations('range(0, 6) t(i)')];
  const old = await files.labels("1, 1, 'p-0', NULL, NULL, 1, 5", "1, 2, 'p-1', NULL, NULL, 0, 5", "1, 3, 'p-2', NULL, NULL, 1, 5");
  const later = await files.outcomes("2, 1, 'p-0', NULL, NULL, NULL, 9, 12.5", `2, 2, NULL, 'e-1', ${START + 1_000}, 1, 4, 3`, "2, 3, 'p-3', NULL, NULL, NULL, 9, 7", "2, 4, 'p-3', NULL, NULL, NULL, 8, 6");
  const known = async (...labels: readonly string[]): Promise<unknown> => withObservedWindow(
    { fromMs: START, untilMs: START + 60_000, version: null, scratch: files.folder, files: { observations, labels } }, async (database, { relation }) =>
      (await database.rows(`SELECT label, outcome FROM ${relation} ORDER BY event_time`)).map(({ label, outcome }) => [label, outcome]));
  const none = [null, null];
  expect(await known(old, later)).toEqual([[1, 12.5], [0, 3], [1, null], [null, 7], none, none]);
  expect(await known(old)).toEqual([[1, null], [0, null], [1, null], none, none, none]);
  expect(await known()).toEqual([none, none, none, none, none, none]);
});

it('can be of one version, and of versions with other features', async () => {
  const observations = [await files.observations('range(0, 5) t(i)'), await files.observations('range(5, 9) t(i)', { version: '2', inputs: "{'later': 3::FLOAT}" })];
  expect(await counted({ observations, version: 2 })).toMatchObject({ kept: ['size', 'colour', 'later'], counts: { rows: 4, later: 4, size: 0 } });
});

it('has no columns where inputs were not kept, and no rows where nothing was observed', async () => {
  const bare = await files.write("SELECT 'p' AS prediction_id, NULL::VARCHAR AS entity_key, TIMESTAMP '2024-01-01' AS event_time, TIMESTAMP '2024-01-01' AS received_at, 'g' AS gateway, 'b' AS boot, 1::BIGINT AS sequence, 0 AS row, 1 AS version, 0.5::FLOAT AS output, 0.5::FLOAT AS raw_output");
  expect(await counted({ observations: [bare] })).toMatchObject({ kept: null, counts: { rows: 1, outputs: 0.5, labelled: 0 } });
  expect(await counted({ observations: [] })).toMatchObject({ kept: null, counts: { rows: 0 } });
});
