import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { PerennialError } from '../../contracts/failures.js';

export interface RequestFault {
  /** Where: `body.reason`, `query.limit`, `path.model`. */
  readonly path: string;
  readonly message: string;
}

const PLACES: Readonly<Record<string, string>> = { body: 'body', query: 'query', param: 'path' };
const MAX_FAULTS = 100;

/** Holds every parameter that has a schema against it. What is wrong is listed whole, each with its path. */
@Injectable()
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    const { schema } = metadata;
    if (!(schema instanceof z.ZodType)) return value;
    const place = PLACES[metadata.type] ?? metadata.type;
    const repeated = metadata.type === 'query' ? repeatedNames(value) : [];
    if (repeated.length > 0) throw invalid(repeated.map((name) => ({ path: `query.${name}`, message: 'is given more than once' })));
    const result = schema.safeParse(value ?? {});
    if (result.success) return result.data;
    throw invalid(result.error.issues.flatMap((issue) => faultsOf(place, issue)));
  }
}

const repeatedNames = (query: unknown): string[] =>
  Object.entries((query ?? {}) as Record<string, unknown>).filter(([, value]) => Array.isArray(value)).map(([name]) => name);

function faultsOf(place: string, issue: z.core.$ZodIssue): RequestFault[] {
  const path = [place, ...issue.path.map(String)].join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: `${path}.${key}`, message: 'is not known here' }));
  return [{ path, message: issue.message }];
}

export function invalid(faults: readonly RequestFault[]): PerennialError {
  const kept = faults.slice(0, MAX_FAULTS).map(({ path, message }) => ({ path: path.slice(0, 200), message }));
  return new PerennialError('InvalidRequest', kept.map(({ path, message }) => `${path}: ${message}`).join('; '), { faults: kept });
}
