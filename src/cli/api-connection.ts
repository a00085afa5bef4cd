import { type Environment, environmentSchema } from '../config/environment.js';
import { ROLES } from '../contracts/roles.js';
import { readInstance } from '../embedded/instance-file.js';
import { readLocalApiKey, readLocalUserKey } from '../embedded/local-api-key.js';
import { ProblemError } from './problem-error.js';

/** Where the API is, and the key to it. */
export interface ApiConnection {
  readonly url: string;
  readonly key: string;
}

const STANDARD_URL = environmentSchema.shape.API_URL.parse(undefined);
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * The API of `API_URL`; where that is not set, of the instance that runs from the state folder.
 * @throws ProblemError when there is no key for it.
 */
export function findApi(environment: Environment): ApiConnection {
  const configured = environment.API_URL !== STANDARD_URL;
  const url = (configured ? environment.API_URL : (readInstance(environment.STATE_DIR)?.apiUrl ?? STANDARD_URL)).replace(/\/+$/, '');
  return { url, key: environment.PERENNIAL_API_KEY ?? localKey(environment, url) };
}

/** Local keys open the local instance alone; they are never sent to another machine. */
function localKey({ STATE_DIR, PERENNIAL_USER: user }: Environment, url: string): string {
  const local = LOOPBACK.has(new URL(url).hostname);
  const key = local ? (user === undefined ? readLocalApiKey(STATE_DIR) : readLocalUserKey(STATE_DIR, user)) : undefined;
  if (key !== undefined) return key;
  if (local && user !== undefined) throw ProblemError.of('Unauthenticated', `There is no local user ${user} (PERENNIAL_USER); choose from ${ROLES.join(', ')}, where \`npm start\` was run`, url);
  throw ProblemError.of('Unauthenticated', `There is no API key for ${url}: set PERENNIAL_API_KEY, or run this where \`npm start\` was run`, url);
}
