import { PerennialError } from '../contracts/failures.js';
import type { Environment } from './environment.js';

/** Where copies of checkpoints go; null where nowhere. */
export interface CheckpointSinkSettings {
  readonly s3: { readonly url: string; readonly region: string; readonly keyId: string; readonly secret: string } | null;
  readonly webhook: { readonly url: string; readonly secret: string; readonly setting: 'CHECKPOINT_WEBHOOK' } | null;
}

/** @throws PerennialError `ConfigurationInvalid` for a place without what it takes to write there */
export function checkpointSinks(environment: Environment): CheckpointSinkSettings {
  const { CHECKPOINT_S3: url, CHECKPOINT_S3_REGION: region, CHECKPOINT_S3_KEY_ID: keyId, CHECKPOINT_S3_SECRET: secret, CHECKPOINT_WEBHOOK_URL: hook, CHECKPOINT_WEBHOOK_SECRET: hookSecret } = environment;
  if (url !== undefined && (keyId === undefined || secret === undefined)) throw incomplete('CHECKPOINT_S3', ['CHECKPOINT_S3_KEY_ID', 'CHECKPOINT_S3_SECRET'], 'set both to an access key that may write and read there');
  if (hook !== undefined && hookSecret === undefined) throw incomplete('CHECKPOINT_WEBHOOK_URL', ['CHECKPOINT_WEBHOOK_SECRET'], 'set it to whsec_ and 24 to 64 random bytes in Base64, and give it to the receiver');
  return {
    s3: url === undefined ? null : { url, region, keyId: keyId as string, secret: secret as string },
    webhook: hook === undefined ? null : { url: hook, secret: hookSecret as string, setting: 'CHECKPOINT_WEBHOOK' },
  };
}

const incomplete = (set: string, missing: readonly string[], mend: string): PerennialError =>
  new PerennialError('ConfigurationInvalid', `${set} is set without ${missing.join(' and ')}; ${mend}`, { settings: [...missing] });
