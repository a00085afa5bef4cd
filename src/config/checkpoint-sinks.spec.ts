import { describe, expect, it } from 'vitest';
import { checkpointSinks } from './checkpoint-sinks.js';
import { readEnvironment } from './environment.js';

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const S3 = { CHECKPOINT_S3: 'https://s3.example.com/bucket/ledger', CHECKPOINT_S3_KEY_ID: 'AKID', CHECKPOINT_S3_SECRET: 'hush' };

describe('places outside for checkpoints', () => {
  it('are none where none is set', () => {
    expect(checkpointSinks(readEnvironment({}))).toEqual({ s3: null, webhook: null });
  });

  it('are what is set', () => {
    expect(checkpointSinks(readEnvironment({ ...S3, CHECKPOINT_WEBHOOK_URL: 'https://hooks.example.com/in', CHECKPOINT_WEBHOOK_SECRET: SECRET }))).toEqual({
      s3: { url: S3.CHECKPOINT_S3, region: 'us-east-1', keyId: 'AKID', secret: 'hush' }, webhook: { url: 'https://hooks.example.com/in', secret: SECRET, setting: 'CHECKPOINT_WEBHOOK' },
    });
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ CHECKPOINT_S3: S3.CHECKPOINT_S3, CHECKPOINT_S3_SECRET: 'hush' }, /CHECKPOINT_S3 is set without CHECKPOINT_S3_KEY_ID and CHECKPOINT_S3_SECRET/],
    [{ CHECKPOINT_WEBHOOK_URL: 'https://hooks.example.com' }, /CHECKPOINT_WEBHOOK_URL is set without CHECKPOINT_WEBHOOK_SECRET/],
    [{ CHECKPOINT_S3: 'https://s3.example.com' }, /must name the bucket as the first part of its path/],
    [{ CHECKPOINT_S3: 'https://me:hush@s3.example.com/bucket' }, /must not hold a user, password, query or fragment/],
    [{ CHECKPOINT_S3: 's3://bucket' }, /must be a URL of http or https/],
    [{ CHECKPOINT_WEBHOOK_URL: 'https://me:hush@hooks.example.com' }, /must not hold a user or password/],
  ])('%o are refused, without a secret in the words', (variables, says) => {
    const read = (): unknown => checkpointSinks(readEnvironment(variables));
    expect(read).toThrow(says);
    expect(read).not.toThrow(/hush/);
  });
});
