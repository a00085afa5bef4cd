/**
 * A gateway's observation log in a process of its own, to be killed: appends without end, says on standard output what it
 * has acknowledged, uploads to a real store and record, and ends itself by SIGKILL at the step that it was told.
 * Arguments: JSON of {@link Orders}.
 */
import { writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { FolderStore } from '../../artifacts/folder-store.js';
import { observationOf, mirroredOf } from '../../observations/testing/random-observations.js';
import { registryDataSource } from '../../registry/data-source.js';
import { ObservationsRepository } from '../../registry/observations.repository.js';
import { gatewayLog } from '../gateway-log.js';
import { openObservationLog, type ObservationLogSettings } from '../observation-log.js';

export interface Orders {
  readonly settings: ObservationLogSettings;
  readonly databaseUrl: string;
  readonly artifacts: string;
  /** Before or after which step of the n-th segment it ends; null: somebody else ends it. */
  readonly endAt: { readonly step: 'sealing' | 'storing' | 'stored' | 'registered'; readonly segment: number } | null;
}

const { settings, databaseUrl, artifacts, endAt } = JSON.parse(process.argv[2] as string) as Orders;
const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('still alive');
};
const steps = { storing: 0, stored: 0, registered: 0 };
const reach = (step: keyof typeof steps): void => {
  if (endAt?.step === step && (steps[step] += 1) === endAt.segment) die();
};

const dataSource = await registryDataSource({ url: databaseUrl, poolSize: 2 }).initialize();
const record = new ObservationsRepository(dataSource);
const store = new FolderStore(artifacts);
const log = await openObservationLog(settings, gatewayLog('error', (line) => writeSync(2, line)), {
  store: {
    putFile: async (path) => {
      const putting = store.putFile(path);
      reach('storing');
      const ref = await putting;
      reach('stored');
      return ref;
    },
  },
  record: {
    registerSegment: async (segment) => {
      const outcome = await record.registerSegment(segment);
      reach('registered');
      return outcome;
    },
  },
});

let sealed = 0;
for (let sequence = 1; ; sequence += 4) {
  const before = log.figures().openBytes;
  log.append([sequence, sequence + 1, sequence + 2].map((each) => observationOf(each, { rows: 2, features: Float32Array.of(each, 0, each, 1), outputs: Float32Array.of(0.5, 0.25) })));
  log.append([observationOf(sequence + 3)]);
  log.appendMirrored([mirroredOf(sequence)]);
  if (log.figures().shedObservations === 0) writeSync(1, `${sequence + 3}\n`);
  if (log.figures().openBytes < before && (sealed += 1) === endAt?.segment && endAt.step === 'sealing') die();
  await turn();
}
