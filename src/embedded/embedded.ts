import { resolve } from 'node:path';
import { type ForeignTemporal, joinTemporal } from './foreign-temporal.js';
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres-server.js';
import { RevivedServer } from './revived-server.js';
import { lockStateFolder, prepareStateFolder } from './state-folder.js';
import { removeTemporalData, startTemporal, type TemporalOptions, type TemporalServer } from './temporal-server.js';

const DEFAULT_PORTS = { postgres: 5432, temporal: 7233, temporalUi: 8233 };

export interface EmbeddedOptions {
  /** Folder of everything that these servers keep. */
  readonly stateDir: string;
  /** Preferred ports; one that is taken is replaced by the next free one. Default 5432, 7233 and 8233. */
  readonly ports?: Partial<typeof DEFAULT_PORTS>;
  /** Takes one line for a person, such as a port that had to be replaced. */
  readonly log?: (line: string) => void;
  /** The Temporal server's program; found or fetched where it isn't given. */
  readonly temporalProgram?: string;
  /** A Temporal server that runs elsewhere, to be used instead of one of our own. */
  readonly foreignTemporal?: ForeignTemporal;
}

/** A PostgreSQL and a Temporal server of our own, on loopback, durable in one folder. */
export interface EmbeddedServers {
  /** As the application's role, which owns no table. */
  readonly databaseUrl: string;
  /** As the owner of the database, for migrations. */
  readonly ownerDatabaseUrl: string;
  /** As the superuser, on the database `postgres`. */
  readonly adminDatabaseUrl: string;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly temporalUiUrl: string;
  /** Stops both; returns when none of their processes is left. */
  stop(): Promise<void>;
  /** Ends PostgreSQL as a crash would; `startPostgres` starts it again on its port. */
  killPostgres(): Promise<void>;
  startPostgres(): Promise<void>;
  stopTemporal(): Promise<void>;
  /** Ends Temporal as a crash would. */
  killTemporal(): Promise<void>;
  /** Starts Temporal again, on the ports that it had. (All of these need a Temporal of our own.) */
  startTemporal(): Promise<void>;
  /** Forgets every workflow; Temporal must have been stopped. */
  deleteTemporalData(): void;
}

/**
 * Starts both servers side by side. They end with this process, even when it is killed.
 * @throws PerennialError `ConfigurationInvalid` when a living process runs servers in the folder, `DependencyUnavailable`
 *   when one of them can't start.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServers> {
  const stateDir = resolve(options.stateDir);
  prepareStateFolder(stateDir);
  const unlock = lockStateFolder(stateDir);
  try {
    const resolved = { ...options, stateDir, log: options.log ?? ((): void => undefined) };
    const [postgres, temporal] = await startBoth(resolved);
    return new RunningServers(resolved, postgres, temporal, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

type Resolved = EmbeddedOptions & { readonly log: (line: string) => void };

/** Both or none: the one that started is stopped again when the other fails. */
async function startBoth(options: Resolved): Promise<[PostgresServer, TemporalServer]> {
  const ports = { ...DEFAULT_PORTS, ...options.ports };
  const starting = [
    launchPostgres(options, { preferredPort: ports.postgres }),
    launchTemporal(options, { preferredPort: ports.temporal, preferredUiPort: ports.temporalUi }),
  ] as const;
  try {
    return await Promise.all(starting);
  } catch (error) {
    for (const outcome of await Promise.allSettled(starting)) if (outcome.status === 'fulfilled') await outcome.value.stop();
    throw error;
  }
}

type PostgresPorts = Pick<PostgresOptions, 'preferredPort' | 'heldPort'>;
type TemporalPorts = Pick<TemporalOptions, 'preferredPort' | 'preferredUiPort' | 'heldPorts'>;

function launchPostgres({ stateDir, log }: Resolved, ports: PostgresPorts): Promise<PostgresServer> {
  return startPostgres({ stateDir, log, ...ports });
}

function launchTemporal({ stateDir, log, temporalProgram, foreignTemporal }: Resolved, ports: TemporalPorts): Promise<TemporalServer> {
  if (foreignTemporal) return joinTemporal(foreignTemporal);
  return startTemporal({ stateDir, log, ...ports, ...(temporalProgram ? { program: temporalProgram } : {}) });
}

const portsOf = ({ heldPort }: PostgresServer): PostgresPorts => ({ preferredPort: heldPort.port, heldPort });

const temporalPortsOf = ({ heldPorts }: TemporalServer): TemporalPorts =>
  ({ preferredPort: heldPorts?.grpc.port ?? 0, preferredUiPort: heldPorts?.ui.port ?? 0, ...(heldPorts ? { heldPorts } : {}) });

class RunningServers implements EmbeddedServers {
  private readonly postgres: RevivedServer<PostgresServer>;
  private readonly temporal: RevivedServer<TemporalServer>;

  constructor(
    private readonly options: Resolved,
    postgres: PostgresServer,
    temporal: TemporalServer,
    private readonly unlock: () => void,
  ) {
    this.postgres = new RevivedServer('PostgreSQL', postgres, (previous) => launchPostgres(options, portsOf(previous)), options.log);
    this.temporal = new RevivedServer('Temporal', temporal, (previous) => launchTemporal(options, temporalPortsOf(previous)), options.log);
  }

  get databaseUrl(): string {
    return this.postgres.current.databaseUrl;
  }

  get ownerDatabaseUrl(): string {
    return this.postgres.current.ownerDatabaseUrl;
  }

  get adminDatabaseUrl(): string {
    return this.postgres.current.adminDatabaseUrl;
  }

  get temporalAddress(): string {
    return this.temporal.current.address;
  }

  get temporalNamespace(): string {
    return this.temporal.current.namespace;
  }

  get temporalUiUrl(): string {
    return this.temporal.current.uiUrl;
  }

  async stop(): Promise<void> {
    await Promise.all([this.postgres.stop(), this.temporal.stop()]);
    this.unlock();
  }

  killPostgres(): Promise<void> {
    return this.postgres.kill();
  }

  startPostgres(): Promise<void> {
    return this.postgres.start();
  }

  stopTemporal(): Promise<void> {
    return this.temporal.pause();
  }

  killTemporal(): Promise<void> {
    return this.temporal.kill();
  }

  startTemporal(): Promise<void> {
    return this.temporal.start();
  }

  deleteTemporalData(): void {
    removeTemporalData(this.options.stateDir);
  }
}
