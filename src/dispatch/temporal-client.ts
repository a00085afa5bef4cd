import { Client, Connection } from '@temporalio/client';

export interface TemporalSettings {
  readonly address: string;
  readonly namespace: string;
}

/** A client that connects when it is first used, so that a process starts while Temporal is away. */
export function temporalClient({ address, namespace }: TemporalSettings): Client {
  return new Client({ connection: Connection.lazy({ address, connectTimeout: '5s' }), namespace });
}
