import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import { InventoryImportsRepository } from '../../registry/inventory-imports.repository.js';
import { InventoryRepository } from '../../registry/inventory.repository.js';
import type { Access } from '../authentication/access.js';
import { Actor, CallerAccess } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import { invalid } from '../requests/validation.pipe.js';
import { inventoryCsv } from './inventory-csv.js';
import { inventoryEntries } from './inventory-file.js';
import { InventoryUpload } from './inventory-upload.js';
import { type ImportAnswer, importAnswer, importAnswerSchema, inventoryItem, type InventoryItem, inventoryItemSchema, type InventoryList, type InventoryListQuery, inventoryListSchema, inventoryQuery } from './inventory.dto.js';

/** All models that anybody knows of. */
@ApiTags('Inventory')
@CommonProblems()
@Controller('v1/inventory')
export class InventoryController {
  constructor(
    private readonly inventory: InventoryRepository,
    private readonly imports: InventoryImportsRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('All models that the caller may read, registered or not', 'By name; go on with `next`. With `Accept: text/csv`, or `format=csv`, a table of all that match.')
  @Answer(200, 'The models', inventoryListSchema)
  async listInventory(
    @Query({ schema: inventoryQuery }) { format, limit, after = '', registered, ...wanted }: InventoryListQuery,
    @Headers('accept') accept: string | undefined,
    @CallerAccess() access: Access,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<InventoryList | string> {
    const csv = format === undefined ? prefersCsv(accept) : format === 'csv';
    const query = { ...wanted, registered: registered === undefined ? null : registered === 'yes', models: access.modelsWith('model.read'), after };
    const items = (await this.inventory.list({ ...query, limit: csv ? null : limit + 1 }, new Date())).map(inventoryItem);
    if (csv) {
      void reply.header('content-type', 'text/csv; charset=utf-8; header=present').header('content-disposition', 'attachment; filename="inventory.csv"');
      return inventoryCsv(items);
    }
    const page = items.slice(0, limit);
    const last = items.length > limit ? page.at(-1) : undefined;
    return { items: page, next: last ? linkAfter(last.model, { ...wanted, registered, limit }) : null };
  }

  @Post('imports')
  @HttpCode(200)
  @Permit('inventory.import')
  @CommandOperation('Bring models that were found elsewhere', 'A CSV file with a header, one model a line, up to 1 MiB. A fault anywhere, and nothing of it counts; each is listed with its line. The same file once more changes nothing; where it says something else of a model, that becomes its next revision.')
  @ApiConsumes('text/csv')
  @ApiBody({ schema: { type: 'string' } })
  @Answer(200, 'The file is taken', importAnswerSchema)
  async importInventory(@Body() body: unknown, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string, @IdempotencyKey() idempotencyKey: string): Promise<ImportAnswer> {
    if (body === undefined) throw invalid([{ path: 'body', message: 'holds no models: send a CSV file' }]);
    if (!(body instanceof InventoryUpload)) throw new PerennialError('UnsupportedMediaType', 'This route takes text/csv');
    return importAnswer(await this.imports.take({ actor, idempotencyKey, entries: inventoryEntries(body.text) }, new Date()));
  }

  @Get(':model')
  @Permit('model.read')
  @Operation('One model of the inventory')
  @Answer(200, 'The model', inventoryItemSchema)
  @Problems('NotFound')
  async getInventoryItem(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: noQuery }) _query: unknown): Promise<InventoryItem> {
    return inventoryItem(await this.inventory.get(model, new Date()));
  }
}

/** The first that is named and can be had. */
function prefersCsv(accept = ''): boolean {
  const wanted = accept.split(',').map((one) => one.split(';', 1)[0]?.trim().toLowerCase());
  return wanted.find((one) => one === 'text/csv' || one === 'application/json' || one === '*/*') === 'text/csv';
}

function linkAfter(model: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, after: model })) if (value !== undefined) given.set(name, value);
  return `/v1/inventory?${given.toString()}`;
}
