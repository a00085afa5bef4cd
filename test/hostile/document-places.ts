/** A schema of the API's document, as JSON Schema has it. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly examples?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: Schema;
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, {
    readonly operationId: string;
    readonly parameters?: readonly Parameter[];
    readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** An operation with what a caller fills in. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** Names of what the path, the query and the headers take. */
  readonly inPath: readonly string[];
  readonly inQuery: readonly string[];
  readonly inHeader: readonly string[];
  /** A body that fits, where one is taken: as JSON, or as text of a media type. */
  readonly body: { readonly mediaType: string; readonly value: unknown } | null;
}

export type JsonPath = readonly (string | number)[];

/** What its document says of an API: every operation, with a body that fits. */
export class DocumentPlaces {
  constructor(private readonly document: ApiDocument) {}

  operations(): Operation[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, { operationId, parameters = [], requestBody }]) => {
      const named = (place: string): string[] => parameters.filter((one) => one.in === place).map(({ name }) => name);
      const [mediaType, content] = Object.entries(requestBody?.content ?? {}).sort(([one], [other]) => Number(other === 'application/json') - Number(one === 'application/json'))[0] ?? [];
      return {
        id: operationId, method: method.toUpperCase(), path, inPath: named('path'), inQuery: named('query'), inHeader: named('header'),
        body: mediaType !== undefined && content ? { mediaType, value: mediaType === 'application/json' ? this.sample(content.schema) : '' } : null,
      };
    }));
  }

  /** A value that fits, with every member that there may be. */
  private sample(schema: Schema): unknown {
    if (schema.$ref !== undefined) return this.sample(this.document.components.schemas[schema.$ref.split('/').at(-1) as string] as Schema);
    if (schema.examples?.length) return schema.examples[0];
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return schema.enum[0];
    const choice = (schema.anyOf ?? schema.oneOf)?.find(({ type }) => type !== 'null') ?? schema.allOf?.[0];
    if (choice) return this.sample(choice);
    if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, this.sample(one)]));
    if (schema.type === 'array') return schema.prefixItems ? schema.prefixItems.map((one) => this.sample(one)) : [this.sample(schema.items ?? {})];
    if (schema.type === 'object') return typeof schema.additionalProperties === 'object' ? { name: this.sample(schema.additionalProperties) } : {};
    if (schema.type === 'integer' || schema.type === 'number') return Math.max(schema.minimum ?? 1, 1);
    if (schema.type === 'boolean') return true;
    return sampleText(schema);
  }
}

function sampleText({ format, pattern }: Schema): string {
  if (format === 'date-time') return '2199-01-01T00:00:00Z';
  if (format === 'uuid') return '00000000-0000-4000-8000-000000000000';
  if (format === 'date') return '2013-01-06';
  return pattern?.includes('sha256') ? `sha256:${'0'.repeat(64)}` : 'x';
}

/** Where single values stand in a JSON value. */
export function leavesOf(value: unknown, path: JsonPath = []): JsonPath[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, one]) => leavesOf(one, [...path, Array.isArray(value) ? Number(name) : name]));
}

/** JSON with another text at one place, which need not be what JSON has there. */
export function jsonWith(value: unknown, [at, ...rest]: JsonPath, text: string): string {
  if (at === undefined) return text;
  if (Array.isArray(value)) return `[${value.map((one, index) => (index === at ? jsonWith(one, rest, text) : JSON.stringify(one))).join()}]`;
  return `{${Object.entries(value as object).map(([name, one]) => `${JSON.stringify(name)}:${name === at ? jsonWith(one, rest, text) : JSON.stringify(one)}`).join()}}`;
}
