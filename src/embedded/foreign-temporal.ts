import { Connection } from '@temporalio/client';
import { PerennialError } from '../contracts/failures.js';
import { SEARCH_ATTRIBUTES } from '../contracts/motion.js';
import type { TemporalServer } from './temporal-server.js';

/** A Temporal server that somebody else runs. */
export interface ForeignTemporal {
  /** host:port */
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string;
}

/** Values of the protocol's `IndexedValueType`. */
const VALUE_TYPES = { KEYWORD: 2, INT: 3 } as const;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Makes sure that the server answers, has the namespace and knows our search attributes, without which no workflow of
 * ours can start. Neither stopping nor killing touches it.
 * @throws PerennialError `DependencyUnavailable`
 */
export async function joinTemporal({ address, namespace, uiUrl }: ForeignTemporal): Promise<TemporalServer> {
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS }).catch((error: unknown) => {
    throw new PerennialError('DependencyUnavailable', `The Temporal server at ${address} does not answer; start it, or unset TEMPORAL_ADDRESS to have one of our own`, { address }, { cause: error });
  });
  try {
    await addSearchAttributes(connection, namespace);
  } catch (error) {
    throw new PerennialError('DependencyUnavailable', `The namespace ${namespace} at ${address} cannot be prepared (${(error as Error).message}); make it with \`temporal operator namespace create --namespace ${namespace}\``, { address, namespace }, { cause: error });
  } finally {
    await connection.close();
  }
  const leaveAlone = async (): Promise<void> => undefined;
  return { address, namespace, uiUrl, ended: new Promise(() => undefined), stop: leaveAlone, pause: leaveAlone, kill: leaveAlone };
}

async function addSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => customAttributes?.[name] === undefined);
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, VALUE_TYPES[type]])),
  });
}
