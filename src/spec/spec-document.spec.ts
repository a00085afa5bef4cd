import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { modelSpecSchema } from './model-spec.js';

interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly oneOf?: Schema[];
  readonly anyOf?: Schema[];
}

/** Paths of all keys that hold a value, as docs/SPEC.md writes them. */
function keysOf(schema: Schema, path = ''): string[] {
  const choices = schema.oneOf ?? schema.anyOf;
  if (schema.properties) return Object.entries(schema.properties).flatMap(([key, member]) => keysOf(member, path ? `${path}.${key}` : key));
  if (schema.items && (schema.items.properties ?? schema.items.oneOf)) return keysOf(schema.items, `${path}[]`);
  if (choices?.some(({ properties }) => properties)) return choices.flatMap((choice) => keysOf(choice, path));
  return [path];
}

it('documents every key of the spec, and no other', () => {
  const inSchema = new Set(keysOf(z.toJSONSchema(modelSpecSchema, { io: 'input' }) as Schema));
  const page = readFileSync(join(import.meta.dirname, '../../docs/SPEC.md'), 'utf8');
  const inPage = new Set([...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key as string));
  expect([...inPage].sort()).toEqual([...inSchema].sort());
});
