import { join } from 'node:path';
import { z } from 'zod';
import { expect, it } from 'vitest';
import { environmentSchema } from './environment.js';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'SETTINGS.md');

interface Setting {
  readonly description?: string;
  readonly default?: string | number;
}

/** The page as the schema has it. */
function settingsPage(): string {
  const { properties = {} } = z.toJSONSchema(environmentSchema, { io: 'input', unrepresentable: 'any' });
  const rows = Object.entries(properties as Record<string, Setting>).map(([name, setting]) => {
    const standard = setting.default === undefined ? '' : `\`${String(setting.default)}\``;
    return `| \`${name}\` | ${standard} | ${(setting.description ?? '').replaceAll('|', '\\|')} |`;
  });
  return `# Settings

Environment variables, read once at start; a faulty one stops the start and is named. Paths are relative to the working directory.
This page is written from \`src/config/environment.ts\` by \`npm run docs:settings\`.

| Variable | Default | What it is |
|---|---|---|
${rows.join('\n')}
`;
}

it('docs/SETTINGS.md is what the schema says', async () => {
  await expect(settingsPage()).toMatchFileSnapshot(PAGE);
});

it('every setting has a doc line', () => {
  expect(Object.entries(environmentSchema.shape).filter(([, { description }]) => !description).map(([name]) => name)).toEqual([]);
});
