import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { type Permission, rolesWith } from '../../contracts/permissions.js';
import { PERMISSION_EXTENSION } from '../authentication/permit.decorator.js';
import { LABEL_MEDIA_TYPES } from '../labels/label-upload.js';
import { labelsRequest } from '../labels/labels.dto.js';
import { YAML_TEXT } from '../models/models.dto.js';
import { problemSchema } from '../problems/problem-details.js';
import { NUMBER_TEXT } from '../requests/fields.js';

const DESCRIPTION = `Perennial keeps production models alive: it retrains them, proves a candidate better, promotes it, and takes it back when it disappoints.

**Callers.** Everything under \`/v1\` needs an API key or an access token of the OpenID Connect issuer: \`Authorization: Bearer <key or token>\`, or \`X-API-Key: <key>\`. What somebody does is recorded under their name. Each operation takes a permission (\`x-permission\`), which roles give for one model or for all.

**Commands** (\`POST\`) take an \`Idempotency-Key\`: the same request under the same key has one effect, however often it is sent. A command that is accepted but not yet carried out is answered \`202\` with a link to its state; it is started later, once.

**Errors** are problem details (RFC 9457): \`type\` names the kind and never changes, \`detail\` says what is wrong and how to mend it.

**Times** are ISO 8601 in UTC. Event time is when a prediction was asked for; everything else is wall time.`;

const TAGS: readonly (readonly [string, string])[] = [
  ['Models', 'Register a model with its spec and see where it stands.'],
  ['Retrains', 'Ask for a retrain and follow it to its verdict.'],
  ['Experiments', 'What was tried: experiments from elsewhere, and the trainings of retrains.'],
  ['Development', 'Whether the newest version meets what development has to reach.'],
  ['Card', 'What a model is for, what it learnt from, how good it is and where its bounds are.'],
  ['Champion', 'Which version answers in a deployment, now or at any time before.'],
  ['Why', 'Why a version answers, or gave an answer: the whole chain of the record.'],
  ['Rollbacks', 'Take a champion back to a version that has served before.'],
  ['Replays', 'Run a version over what was logged in a past period, and compare it.'],
  ['Versions', 'Every trained version: its data, code, parameters, environment and who asked for it.'],
  ['Evaluations', 'The figures on which a gate decided.'],
  ['Alarms', 'What somebody had to know, and whether it reached them.'],
  ['Labels', 'What came true of predictions.'],
  ['Windows', 'What of the traffic was held against the limits of the spec.'],
  ['Retirement', 'Take a model out of service for good: approved, drained, archived, deleted when it is due.'],
  ['Audit', 'Who did what, and when.'],
  ['People', 'Who may do what: people and services, their roles and keys.'],
  ['Inventory', 'All models that anybody knows of, registered or not, and how well they are looked after.'],
  ['Commands', 'What became of a command.'],
  ['Health', 'Whether the process runs and can work.'],
];

/** The OpenAPI document; its schemas are made from the very ones that requests are held against. */
export function openApiOf(app: NestFastifyApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Perennial')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'API key or JWT', description: 'An API key, or an access token (JWT) of the OpenID Connect issuer that OIDC_ISSUER names.' }, 'bearer')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key in a header of its own.' }, 'apiKey');
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    standardSchemaConverter: (schema, { schemaType }) => (schema instanceof z.ZodType ? convert(schema, schemaType) : undefined),
    operationIdFactory: (_controller, method) => method,
  });
  const named = { ...convert(problemSchema, 'output').components, ...convert(labelsRequest, 'input').components };
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...withReferences(named) } };
  documentTextBodies(document);
  documentTables(document);
  documentPages(document);
  documentPermissions(document);
  return document;
}

/** OpenAPI describes a body for each media type; where YAML is taken it is plain text, a table of labels is bytes. */
function documentTextBodies(document: OpenAPIObject): void {
  for (const { post } of Object.values(document.paths)) {
    const content = post?.requestBody && 'content' in post.requestBody ? post.requestBody.content : {};
    for (const mediaType of Object.keys(content).filter((name) => name !== 'application/json')) content[mediaType] = mediaType in LABEL_MEDIA_TYPES ? { schema: { type: 'string', format: 'binary' } } : YAML_TEXT;
  }
}

/** What is answered as a table too, where a caller asks for one. */
function documentTables(document: OpenAPIObject): void {
  const answer = document.paths['/v1/inventory']?.get?.responses['200'];
  if (answer && 'content' in answer) answer.content = { ...answer.content, 'text/csv': { schema: { type: 'string' } } };
}

/** Where an answer is given as a page too, that is text. */
function documentPages(document: OpenAPIObject): void {
  for (const answer of Object.values(document.paths).flatMap(({ get }) => Object.values(get?.responses ?? {}))) {
    if (answer && 'content' in answer && answer.content && 'text/html' in answer.content) answer.content['text/html'] = { schema: { type: 'string' } };
  }
}

/** What a caller needs stands in words too. */
function documentPermissions(document: OpenAPIObject): void {
  for (const operation of Object.values(document.paths).flatMap(({ get, post }) => [get, post])) {
    const permission = (operation as { [PERMISSION_EXTENSION]?: Permission } | undefined)?.[PERMISSION_EXTENSION];
    if (!operation || permission === undefined) continue;
    const needed = `Takes the permission \`${permission}\`, which the roles ${rolesWith(permission).join(', ')} have.`;
    operation.description = operation.description ? `${operation.description}\n\n${needed}` : needed;
  }
}

/** The page at /docs and the document at /openapi.json; both come from this process alone. */
export function serveDocumentation(app: NestFastifyApplication): void {
  const document = openApiOf(app);
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Perennial API',
    swaggerOptions: { validatorUrl: null, docExpansion: 'list', displayRequestDuration: true, persistAuthorization: false, tryItOutEnabled: true },
  });
}

interface Converted {
  readonly schema: Record<string, unknown>;
  readonly components: Record<string, Record<string, unknown>>;
}

function convert(schema: z.ZodType, io: 'input' | 'output'): Converted {
  const { $schema: _dialect, $defs, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // Immutable in our code is not read-only to a caller.
      delete jsonSchema.readOnly;
      if (jsonSchema.pattern !== NUMBER_TEXT.source) return;
      jsonSchema.type = 'integer';
      delete jsonSchema.pattern;
    },
  }) as Record<string, unknown>;
  return { schema: rest, components: ($defs ?? {}) as Record<string, Record<string, unknown>> };
}

const withReferences = <T>(components: T): T =>
  JSON.parse(JSON.stringify(components).replaceAll('#/$defs/', '#/components/schemas/')) as T;
