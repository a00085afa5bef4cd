import type { CheckpointCopy, CheckpointSink, SinkOutcome } from '../contracts/checkpoint-copies.js';
import type { S3Answer, S3Bucket } from './s3-bucket.js';

const DELIVERED: SinkOutcome = { delivered: true };

/** Copies in a bucket, under the names that the folder has: each checkpoint once, `latest`, and the public key of each key that has signed. */
export class CheckpointBucket implements CheckpointSink {
  readonly name = 's3';

  constructor(private readonly bucket: S3Bucket) {}

  /** `latest` is written last: where it stands, what it names is there. */
  async send({ size, note, keyId, publicKey }: CheckpointCopy): Promise<SinkOutcome> {
    const key = await this.putOnce(`public-key-${keyId}.pem`, publicKey);
    if (!key.delivered) return key;
    const checkpoint = await this.putOnce(`${String(size).padStart(16, '0')}.checkpoint`, note);
    if (!checkpoint.delivered) return checkpoint;
    const latest = await this.bucket.put('latest', note, false);
    return isDone(latest) ? DELIVERED : { delivered: false, reason: refusal(latest) };
  }

  /** What is there already must be the same: two versions of one checkpoint are the very thing that copies show. */
  private async putOnce(name: string, body: string): Promise<SinkOutcome> {
    const put = await this.bucket.put(name, body, true);
    if (isDone(put)) return DELIVERED;
    if (put.status !== 412) return { delivered: false, reason: refusal(put) };
    const found = await this.bucket.get(name);
    if (!isDone(found)) return { delivered: false, reason: refusal(found) };
    return found.body === body ? DELIVERED : { delivered: false, reason: `the bucket has another ${name}: two ledgers write there, or this one was signed in two versions; compare both with \`perennial audit verify\`` };
  }
}

const isDone = (answer: S3Answer): answer is Extract<S3Answer, { status: number }> => answer.status !== null && answer.status >= 200 && answer.status < 300;

function refusal({ status, code }: S3Answer): string {
  if (status === null) return `the store cannot be reached (${code}); start it, or correct CHECKPOINT_S3`;
  const told = code === null ? `${status}` : `${status}, ${code}`;
  if (status === 301 || status === 307 || status === 308) return `the store answered ${told}: the bucket is elsewhere; correct CHECKPOINT_S3 and CHECKPOINT_S3_REGION`;
  if (status === 401 || status === 403) return `the store answered ${told}; check CHECKPOINT_S3_KEY_ID and CHECKPOINT_S3_SECRET, that they may write and read there, and the clock`;
  if (status === 404) return `the store answered ${told}; make the bucket that CHECKPOINT_S3 names`;
  return `the store answered ${told}; see its log`;
}
