import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { CallersRepository } from '../../registry/callers.repository.js';
import { guardRoutes } from './access.hook.js';
import { Permit } from './permit.decorator.js';
import { RefusalLog } from './refusal-log.js';

let registry: RegistryServer;
let callers: CallersRepository;

beforeAll(async () => {
  registry = await startRegistryServer();
  callers = new CallersRepository(registry.dataSource, new AuditLedger(registry.dataSource));
});

afterAll(() => registry?.stop());

@Controller('v1/things')
class Declared {
  @Get()
  @Permit('model.read')
  list(): string {
    return 'things';
  }
}

@Controller('v1/things')
class Undeclared {
  @Get(':thing')
  read(): string {
    return 'a thing';
  }
}

@Controller('healthz')
class Outside {
  @Get()
  check(): string {
    return 'well';
  }
}

/** Put together as the API does it. */
async function begin(...controllers: (new () => object)[]): Promise<NestFastifyApplication> {
  @Module({ controllers })
  class Routes {}
  const app = await NestFactory.create<NestFastifyApplication>(Routes, new FastifyAdapter(), { abortOnError: false, logger: false });
  guardRoutes(app.getHttpAdapter().getInstance(), callers, null);
  return app;
}

describe('at the start', () => {
  it('a route under /v1 that declares no permission stops it, and is named', async () => {
    const app = await begin(Declared, Undeclared);
    await expect(app.init()).rejects.toThrow(/GET \/v1\/things\/:thing declares no permission: put @Permit/);
    await app.close();
  });

  it('routes that declare theirs, and those elsewhere, do not', async () => {
    const app = await begin(Declared, Outside);
    await app.init();
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
    const key = await registry.apiKey('reader', ['auditor']);
    expect((await app.inject({ url: '/v1/things', headers: { authorization: `Bearer ${key}` } })).body).toBe('things');
    await app.close();
  });
});

describe('a flood of refusals', () => {
  const START_MS = Date.parse('2026-01-01T00:00:00Z');
  const entries = async (actor: string): Promise<unknown[]> =>
    (await registry.dataSource.query<{ at: Date; subject: string; details: Buffer }[]>("SELECT at, subject, details FROM audit_entry WHERE actor = $1 AND action = 'access.refused' ORDER BY id", [actor]))
      .map(({ at, subject, details }) => [(at.getTime() - START_MS) / 1_000, subject, (JSON.parse(details.toString('utf8')) as { count: number }).count]);

  it('makes one entry a minute for each actor and permission, which counts those before', async () => {
    let nowMs = START_MS;
    const log = new RefusalLog(callers, () => nowMs);
    await Promise.all(Array.from({ length: 500 }, () => log.add('flooder', 'spec.apply', 'm')));
    await log.add('flooder', 'retrain.request', 'm');
    await log.add('somebody', 'spec.apply', null);
    nowMs += 59_999;
    await log.add('flooder', 'spec.apply', 'm');
    expect(await entries('flooder')).toEqual([[0, 'permission/spec.apply', 1], [0, 'permission/retrain.request', 1]]);
    nowMs += 1;
    await log.add('flooder', 'spec.apply', 'm');
    expect(await entries('flooder')).toContainEqual([60, 'permission/spec.apply', 501]);
    expect(await entries('somebody')).toEqual([[0, 'permission/spec.apply', 1]]);
  });
});
