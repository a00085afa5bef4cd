import { PerennialError } from '../contracts/failures.js';
import type { Environment } from './environment.js';

/**
 * Where a worker sends alarms; null where nobody is set.
 * @throws PerennialError `ConfigurationInvalid` for an address without a secret: nobody could tell such alarms from forged ones.
 */
export function alarmReceiver({ ALARM_WEBHOOK_URL: url, ALARM_WEBHOOK_SECRET: secret }: Environment): { readonly url: string; readonly secret: string } | null {
  if (url === undefined) return null;
  if (secret !== undefined) return { url, secret };
  throw new PerennialError('ConfigurationInvalid', 'ALARM_WEBHOOK_URL is set without ALARM_WEBHOOK_SECRET; set it to whsec_ and 24 to 64 random bytes in Base64, and give it to the receiver', { settings: ['ALARM_WEBHOOK_SECRET'] });
}
