import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { AuditSequencer } from '../../src/dispatch/audit-sequencer.js';
import { CheckpointFolder } from '../../src/dispatch/checkpoint-folder.js';
import { CheckpointSigner } from '../../src/dispatch/checkpoint-signer.js';
import type { AuditLedger } from '../../src/registry/audit-ledger.js';
import { AuditTreeRepository } from '../../src/registry/audit-tree.repository.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { registryDataSource } from '../../src/registry/data-source.js';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import { median, medianRatio } from '../statistics.js';
import { LEDGERS, type Ledger, ledgerOf, type LedgerName, TABLES } from './ledgers.js';
import { sustained } from './sustained-load.js';

/**
 * The audit ledger under load: commands that are accepted and settled as the API and the worker do it, each with an entry, while a sequencer and a signer are at work.
 * Arguments: seconds of the sustained load, rounds of the comparison.
 */
const SECONDS = Number(process.argv[2] ?? 90);
const ROUNDS = Number(process.argv[3] ?? 5);
const GOAL_A_MINUTE = 10_000;
const GOAL_LAG_MS = 1_000;
const GOAL_BEHIND_S = 60;
const CONNECTIONS = 12;
/** In the closed loop. */
const CALLERS = 8;
const ROUND_MS = 4_000;
const NOBODY = { workflowId: null, runId: null };

/** What a caller asks for, and what a workflow's first step makes of it: two transactions, the second with an entry. */
const transactions = (dataSource: DataSource, ledger: Ledger): (() => Promise<string>) => {
  const commands = new CommandsRepository(dataSource, ledger as AuditLedger);
  return async (): Promise<string> => {
    const { command } = await commands.accept({ actor: 'ann', idempotencyKey: randomUUID(), kind: 'retrain', model: 'flight-delay', body: { deployment: 'default', asOf: null, reason: 'the autumn schedule' } }, new Date());
    await commands.settle(command.id, new Date(), NOBODY, async () => ({ kind: 'refused', type: 'RetrainActive', message: 'Retrain 1 is running', details: {} }));
    return command.id;
  };
};

/** @returns transactions a second */
async function rate(transact: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let done = 0;
  await Promise.all(Array.from({ length: CALLERS }, async () => {
    while (performance.now() - started < ROUND_MS) {
      await transact();
      done += 1;
    }
  }));
  return (done / (performance.now() - started)) * 1_000;
}

function working(server: RegistryServer, dataSource: DataSource): AuditSequencer {
  const tree = new AuditTreeRepository(dataSource);
  const { privateKey } = generateKeyPairSync('ed25519');
  const signer = new CheckpointSigner(tree, new CheckpointFolder(join(server.folder, 'checkpoints')), { origin: 'bench/audit', key: privateKey });
  return new AuditSequencer(tree, signer, (line) => { console.error(line); });
}

async function compare(dataSource: DataSource): Promise<void> {
  const rates: Record<LedgerName, number[]> = { 'plain table': [], Perennial: [], 'hash chain': [] };
  const contenders = LEDGERS.map((name) => ({ name, transact: transactions(dataSource, ledgerOf(name, dataSource)) }));
  for (const { transact } of contenders) for (let warm = 0; warm < 50; warm += 1) await transact();
  for (let round = 0; round < ROUNDS; round += 1) for (const { name, transact } of contenders) rates[name].push(await rate(transact));
  console.log(`\n${CALLERS} callers at once, as fast as they can; medians of ${ROUNDS} rounds of ${ROUND_MS / 1_000} s in turns`);
  console.log('                 entries/s  entries/min  ÷ plain table');
  for (const name of LEDGERS) {
    const found = median(rates[name]);
    console.log(`${name.padEnd(15)} ${found.toFixed(0).padStart(10)} ${(found * 60).toFixed(0).padStart(12)} ${medianRatio(rates[name], rates['plain table']).toFixed(2).padStart(14)}`);
  }
  console.log(`Perennial ÷ hash chain: ${medianRatio(rates.Perennial, rates['hash chain']).toFixed(2)}`);
}

const met = (holds: boolean): string => (holds ? 'met' : 'NOT met');

async function sustain(dataSource: DataSource): Promise<void> {
  const { entriesAMinute, lagP50, lagP99, lagMax, checkpointBehindS } = await sustained(dataSource, GOAL_A_MINUTE, SECONDS, transactions(dataSource, ledgerOf('Perennial', dataSource)));
  console.log(`\n${GOAL_A_MINUTE} entries a minute due, for ${SECONDS} s, whatever became of those before`);
  console.log(`entries a minute: ${entriesAMinute.toFixed(0)}; goal: ${GOAL_A_MINUTE}, ${met(entriesAMinute >= GOAL_A_MINUTE * 0.99)}`);
  console.log(`from the end of a transaction to its leaf: median ${lagP50.toFixed(0)} ms, p99 ${lagP99.toFixed(0)} ms, longest ${lagMax.toFixed(0)} ms; goal: p99 at most ${GOAL_LAG_MS} ms, ${met(lagP99 <= GOAL_LAG_MS)}`);
  console.log(`an entry was under no checkpoint for at most ${checkpointBehindS.toFixed(1)} s; goal: ${GOAL_BEHIND_S} s, ${met(checkpointBehindS <= GOAL_BEHIND_S)}`);
}

async function withSequencer(server: RegistryServer, dataSource: DataSource): Promise<void> {
  const sequencer = working(server, dataSource);
  sequencer.start();
  try {
    await sustain(dataSource);
    await compare(dataSource);
  } finally {
    await sequencer.stop();
    await dataSource.destroy();
  }
}

const server = await startRegistryServer();
try {
  await server.asOwner((owner) => owner.query(TABLES));
  await server.apiKey('ann', ['owner']);
  await withSequencer(server, await registryDataSource({ url: server.databaseUrl, poolSize: CONNECTIONS }).initialize());
} finally {
  await server.stop();
}
