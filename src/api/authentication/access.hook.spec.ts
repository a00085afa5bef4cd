import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { AUDIENCE, TokenIssuer } from '../../../test/token-issuer.js';
import { TokenVerifier } from '../../access/token-verifier.js';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { CallersRepository } from '../../registry/callers.repository.js';
import { guardRoutes } from './access.hook.js';
import { Permit } from './permit.decorator.js';
import { type Attempt, RefusalLog } from './refusal-log.js';

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

@Controller('v1/models/:model/things/:number')
class Written {
  @Get()
  @Permit('model.read')
  read(): string {
    return 'a thing';
  }

  @Post()
  @Permit('spec.apply')
  write(): string {
    return 'written';
  }
}

/** Put together as the API does it. */
async function begin(tokens: TokenVerifier | null, ...controllers: (new () => object)[]): Promise<NestFastifyApplication> {
  @Module({ controllers })
  class Routes {}
  const app = await NestFactory.create<NestFastifyApplication>(Routes, new FastifyAdapter(), { abortOnError: false, logger: false });
  guardRoutes(app.getHttpAdapter().getInstance(), callers, tokens);
  return app;
}

describe('at the start', () => {
  it('a route under /v1 that declares no permission stops it, and is named', async () => {
    const app = await begin(null, Declared, Undeclared);
    await expect(app.init()).rejects.toThrow(/GET \/v1\/things\/:thing declares no permission: put @Permit/);
    await app.close();
  });

  it('routes that declare theirs, and those elsewhere, do not', async () => {
    const app = await begin(null, Declared, Outside);
    await app.init();
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
    const key = await registry.apiKey('reader', ['auditor']);
    expect((await app.inject({ url: '/v1/things', headers: { authorization: `Bearer ${key}` } })).body).toBe('things');
    await app.close();
  });
});

describe('a flood of refusals', () => {
  const START_MS = Date.parse('2026-01-01T00:00:00Z');
  const attempt = (actor: string, permission: Attempt['permission'], model: string | null, path = '/v1/x'): Attempt => ({ actor, permission, model, path, because: 'permission' });
  const entries = async (actor: string): Promise<unknown[]> =>
    (await registry.dataSource.query<{ at: Date; model: string | null; subject: string; details: Buffer }[]>("SELECT at, model, subject, details FROM audit_entry WHERE actor = $1 AND action = 'access.refused' ORDER BY id", [actor]))
      .map(({ at, model, subject, details }) => [(at.getTime() - START_MS) / 1_000, subject, model, (JSON.parse(details.toString('utf8')) as { count: number }).count]);
  const pathsOf = async (actor: string): Promise<string[]> =>
    (await registry.dataSource.query<{ details: Buffer }[]>("SELECT details FROM audit_entry WHERE actor = $1 ORDER BY id", [actor])).flatMap(({ details }) => (JSON.parse(details.toString('utf8')) as { paths: string[] }).paths);

  it('makes one entry a minute for each actor, permission and model, which counts those before', async () => {
    let nowMs = START_MS;
    const log = new RefusalLog(callers, () => nowMs);
    await Promise.all(Array.from({ length: 500 }, () => log.add(attempt('flooder', 'spec.apply', 'm'))));
    await log.add(attempt('flooder', 'retrain.request', 'm'));
    await log.add(attempt('somebody', 'spec.apply', null));
    nowMs += 59_999;
    await log.add(attempt('flooder', 'spec.apply', 'm'));
    expect(await entries('flooder')).toEqual([[0, 'permission/spec.apply', 'm', 1], [0, 'permission/retrain.request', 'm', 1]]);
    nowMs += 1;
    await log.add(attempt('flooder', 'spec.apply', 'm'));
    expect(await entries('flooder')).toContainEqual([60, 'permission/spec.apply', 'm', 501]);
    expect(await entries('somebody')).toEqual([[0, 'permission/spec.apply', null, 1]]);
  });

  it('names each model and what was meant, and is written though nothing follows it', async () => {
    let nowMs = START_MS;
    const log = new RefusalLog(callers, () => nowMs);
    for (const [model, number] of [['a', 1], ['b', 2], ['a', 3], ['a', 4], ['a', 4]] as const) await log.add(attempt('voter', 'approval.decide', model, `/v1/models/${model}/approvals/${number}/votes`));
    expect(await entries('voter')).toEqual([[0, 'permission/approval.decide', 'a', 1], [0, 'permission/approval.decide', 'b', 1]]);
    await log.flush();
    expect(await entries('voter')).toHaveLength(2);
    nowMs += 60_000;
    await log.flush();
    expect((await entries('voter')).slice(2)).toEqual([[60, 'permission/approval.decide', 'a', 3]]);
    expect(await pathsOf('voter')).toEqual([['a', 1], ['b', 2], ['a', 3], ['a', 4]].map(([model, number]) => `/v1/models/${model}/approvals/${number}/votes`));
    await log.add(attempt('voter', 'approval.decide', 'b'));
    await log.add(attempt('voter', 'approval.decide', 'b'));
    await log.stop();
    expect((await entries('voter')).slice(3)).toEqual([[60, 'permission/approval.decide', 'b', 1], [60, 'permission/approval.decide', 'b', 1]]);
  });

  it('over ever other models makes no more entries than a few', async () => {
    const log = new RefusalLog(callers, () => START_MS);
    for (let index = 0; index < 500; index += 1) await log.add(attempt('scanner', 'spec.apply', `m${index}`));
    await log.stop();
    const written = (await entries('scanner')) as [number, string, string | null, number][];
    expect(written).toHaveLength(22);
    expect(written.reduce((sum, [, , , count]) => sum + count, 0)).toBe(500);
    expect(written.slice(20).map(([, , model]) => model)).toEqual([null, null]);
  });

  it('is tried again where the record does not answer', async () => {
    let away = true;
    const log = new RefusalLog({ recordRefusals: (refusals, at) => (away && refusals.count === 2 ? Promise.reject(new Error('away')) : callers.recordRefusals(refusals, at)) }, () => START_MS);
    for (let times = 0; times < 3; times += 1) await log.add(attempt('patient', 'spec.apply', 'm'));
    await expect(log.flush(Infinity)).rejects.toThrow('away');
    away = false;
    await log.flush(Infinity);
    expect(await entries('patient')).toEqual([[0, 'permission/spec.apply', 'm', 1], [0, 'permission/spec.apply', 'm', 2]]);
  });
});

describe('somebody whom nobody lets in', () => {
  const refusals = async (): Promise<unknown[]> =>
    (await registry.dataSource.query<{ actor: string; subject: string; details: Buffer }[]>("SELECT actor, subject, details FROM audit_entry WHERE action = 'access.refused' AND actor IN ('leaver', 'unknown') ORDER BY id"))
      .map(({ actor, subject, details }) => ({ actor, subject, ...(JSON.parse(details.toString('utf8')) as object) }));

  it('is on the record with what they tried, be they deactivated or registered nowhere; who only reads is not', async () => {
    const issuer = await TokenIssuer.start({ stranger: 'RS256' });
    const app = await begin(new TokenVerifier({ url: issuer.url, audience: AUDIENCE, algorithms: ['RS256'] }), Written);
    await app.init();
    const key = await registry.apiKey('leaver', ['developer']);
    await registry.asOwner((owner) => owner.query("UPDATE principal SET active = false WHERE name = 'leaver'"));
    const token = await issuer.tokenOf('stranger');
    for (const shown of [key, token]) {
      for (const method of ['GET', 'POST'] as const) expect((await app.inject({ method, url: '/v1/models/shop/things/7', headers: { authorization: `Bearer ${shown}` } })).statusCode).not.toBe(200);
    }
    await app.close();
    await issuer.stop();
    const tried = { subject: 'permission/spec.apply', permission: 'spec.apply', model: 'shop', count: 1, paths: ['/v1/models/shop/things/7'] };
    expect(await refusals()).toEqual([
      { actor: 'leaver', because: 'deactivated', ...tried },
      { actor: 'unknown', because: 'unregistered', identity: { issuer: issuer.url, subject: 'stranger' }, ...tried },
    ]);
  });

  it('is counted also where the API stops at once', async () => {
    const app = await begin(null, Written);
    await app.init();
    const key = await registry.apiKey('reader-only', ['auditor']);
    for (let times = 0; times < 3; times += 1) await app.inject({ method: 'POST', url: '/v1/models/shop/things/7', headers: { authorization: `Bearer ${key}` } });
    await app.close();
    const written = await registry.dataSource.query<{ details: Buffer }[]>("SELECT details FROM audit_entry WHERE action = 'access.refused' AND actor = 'reader-only' ORDER BY id");
    expect(written.map(({ details }) => (JSON.parse(details.toString('utf8')) as { count: number }).count)).toEqual([1, 2]);
  });
});
