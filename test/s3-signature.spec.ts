import { describe, expect, it } from 'vitest';
import { canonicalPath, type S3Request, signedHeaders } from './s3-signature.js';

const AT = new Date('2013-05-24T00:00:00.000Z');
const CREDENTIALS = { region: 'us-east-1', keyId: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };

describe('a signed request', () => {
  // The examples of AWS' own description of the signature.
  it.each<[string, S3Request, string, string]>([
    ['GET of an object', { method: 'GET', url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'), headers: { range: 'bytes=0-9' }, body: '' },
      'host;range;x-amz-content-sha256;x-amz-date', 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'],
    ['PUT of an object', {
      method: 'PUT', url: new URL('https://examplebucket.s3.amazonaws.com/test$file.text'), headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' }, body: 'Welcome to Amazon S3.',
    }, 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class', '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'],
  ])('has the signature that AWS gives for the %s', (_, request, names, signature) => {
    expect(signedHeaders(request, CREDENTIALS, AT)['authorization']).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${names},Signature=${signature}`);
  });

  it('holds no secret', () => {
    const headers = signedHeaders({ method: 'PUT', url: new URL('http://127.0.0.1:9000/bucket/x'), headers: {}, body: 'x' }, CREDENTIALS, AT);
    expect(JSON.stringify(headers)).not.toContain(CREDENTIALS.secret);
  });

  it('escapes its path once, however it was written', () => {
    for (const path of ["/a b/(c)'*!", "/a%20b/%28c%29%27%2A%21"]) expect(canonicalPath(new URL(`http://x${path}`))).toBe('/a%20b/%28c%29%27%2A%21');
  });
});
