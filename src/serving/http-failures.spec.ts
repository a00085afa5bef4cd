import { expect, it } from 'vitest';
import { type FailureType, PerennialError } from '../contracts/failures.js';
import { gatewayLog } from './gateway-log.js';
import { httpServer } from './http-server.js';

it.each<[FailureType, number]>([['RoutingStale', 0], ['ModelNotReady', 0], ['InferenceFailed', 1], ['ModelNotFound', 0]])('a refusal with %s is counted and leaves %i lines in the log', async (type, lines) => {
  const [said, counted]: [string[], FailureType[]] = [[], []];
  const app = httpServer({ maxBodyBytes: 1_000, maxRows: 10 }, { log: gatewayLog('info', (line) => said.push(line)), count: (_, failure) => counted.push(failure) });
  app.get('/refuse', () => { throw new PerennialError(type, 'It is refused'); });
  const answer = await app.inject('/refuse');
  await app.close();
  expect(answer.json()).toMatchObject({ type, error: 'It is refused' });
  expect(said).toHaveLength(lines);
  expect(counted).toEqual([type]);
});
