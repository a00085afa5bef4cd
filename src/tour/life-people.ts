import { ApiClient, jsonBody } from '../cli/api-client.js';
import { PerennialError } from '../contracts/failures.js';
import type { Role } from '../contracts/roles.js';
import { readLocalUserKey } from '../embedded/local-api-key.js';
import { COMMITTEE } from './life-scenario.js';

/** Somebody who acts in the tour. */
export interface Person {
  readonly name: string;
  readonly key: string;
}

/** The local users of `npm start`, and the committee. */
export interface LifePeople {
  readonly local: Readonly<Record<Extract<Role, 'owner' | 'developer' | 'validator' | 'approver' | 'operator' | 'administrator'>, Person>>;
  readonly committee: readonly Person[];
}

/**
 * The local users by their kept keys; the administrator registers the committee, each with a new key.
 * @throws PerennialError `DependencyUnavailable`, where the instance has no local users
 */
export async function lifePeople(apiUrl: string, stateDir: string): Promise<LifePeople> {
  const local = (role: string): Person => {
    const key = readLocalUserKey(stateDir, role);
    if (key === undefined) throw new PerennialError('DependencyUnavailable', `The local user ${role} has no key in ${stateDir}; the tour needs an instance of \`npm start\``);
    return { name: role, key };
  };
  const people = { owner: local('owner'), developer: local('developer'), validator: local('validator'), approver: local('approver'), operator: local('operator'), administrator: local('administrator') };
  const committee = [];
  for (const name of COMMITTEE) {
    const send = (step: string): ApiClient => new ApiClient({ url: apiUrl, key: people.administrator.key }, `life-${step}-${name}`);
    await send('register').command('/v1/people', jsonBody({ name, kind: 'person' }));
    await send('grant').command(`/v1/people/${name}/grant`, jsonBody({ role: 'approver' }));
    // A key is shown once: whoever takes the tour again gets another one.
    const { key } = await new ApiClient({ url: apiUrl, key: people.administrator.key }).command<{ key: string }>(`/v1/people/${name}/keys`, jsonBody({}));
    committee.push({ name, key });
  }
  return { local: people, committee };
}
