import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { modelSpecSchema, type ModelSpec } from './model-spec.js';

export interface ParsedSpec {
  readonly spec: ModelSpec;
  /** Digest of the spec with its defaults written out, so that comments and order do not change it. */
  readonly digest: string;
  /** The bytes that the digest is of. */
  readonly canonical: string;
}

export interface SpecFault {
  /** Where, as in `data.features[3].min`; empty for the whole document. */
  readonly path: string;
  readonly message: string;
}

const MAX_SPEC_BYTES = 256 * 1024;

/**
 * Reads a `model.yaml`.
 * @throws PerennialError `SpecInvalid`, with every fault and its path in `details.faults`.
 */
export function parseSpec(yaml: string): ParsedSpec {
  if (Buffer.byteLength(yaml) > MAX_SPEC_BYTES) refuse([{ path: '', message: `is larger than ${MAX_SPEC_BYTES} bytes` }]);
  const document = parseDocument(yaml, { uniqueKeys: true, stringKeys: true });
  if (document.errors.length > 0) refuse(document.errors.map((error) => ({ path: '', message: error.message })));
  // Aliases can blow up a small file; the bound is the library's own counter.
  const spec = checked(toPlain(document));
  const unstorable = unstorableTexts(spec, []);
  if (unstorable.length > 0) refuse(unstorable);
  const canonical = canonicalJson(spec);
  return { spec, canonical, digest: sha256(canonical) };
}

/** The spec as if it listed other triggers. @throws PerennialError `SpecInvalid`, where one of them asks for what the spec has not */
export const withTriggers = (spec: ModelSpec, triggers: ModelSpec['retraining']['triggers']): ModelSpec => checked({ ...spec, retraining: { ...spec.retraining, triggers } });

function checked(document: unknown): ModelSpec {
  const result = modelSpecSchema.safeParse(document);
  return result.success ? result.data : refuse(result.error.issues.flatMap(faultsOf));
}

/** A spec that is already in the record. */
export const specFromCanonical = (canonical: string): ModelSpec => modelSpecSchema.parse(JSON.parse(canonical));

function toPlain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return refuse([{ path: '', message: error instanceof Error ? error.message : String(error) }]);
  }
}

/** PostgreSQL's text holds no NUL, UTF-8 no half surrogate pair; YAML's escapes can write both. */
const UNSTORABLE = /[\u0000\p{Surrogate}]/u;

function unstorableTexts(value: unknown, path: readonly PropertyKey[]): SpecFault[] {
  if (typeof value === 'string') return UNSTORABLE.test(value) ? [{ path: pathOf(path), message: 'holds NUL or half a surrogate pair' }] : [];
  if (Array.isArray(value)) return value.flatMap((member, index) => unstorableTexts(member, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [
    ...(UNSTORABLE.test(key) ? [{ path: pathOf(path), message: 'has a key that holds NUL or half a surrogate pair' }] : []),
    ...unstorableTexts(member, [...path, key]),
  ]);
}

function faultsOf(issue: z.core.$ZodIssue): SpecFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pathOf([...issue.path, key]), message: 'is not a key of the spec' }));
  }
  return [{ path: pathOf(issue.path), message: issue.message }];
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('');

function refuse(faults: readonly SpecFault[]): never {
  const listed = faults.map((fault) => `${fault.path || '(document)'}: ${fault.message}`).join('; ');
  throw new PerennialError('SpecInvalid', `The spec has ${faults.length} fault${faults.length === 1 ? '' : 's'}: ${listed}`, { faults });
}
