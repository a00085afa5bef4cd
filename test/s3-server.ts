import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { S3Credentials } from '../src/artifacts/s3-bucket.js';
import { signedHeaders } from './s3-signature.js';

/** Signed too, and made by whoever signs. */
const OF_EVERY_REQUEST = ['host', 'x-amz-content-sha256', 'x-amz-date'];

/** A store that speaks what of S3 is used here: PUT and GET of an object by path, conditional writes, Signature Version 4 and errors as XML. */
export class S3Server {
  /** By `/bucket/name`. */
  readonly objects = new Map<string, string>();
  /** What it answers instead, while it is set. */
  answer: { readonly status: number; readonly code: string } | null = null;
  private constructor(private readonly server: Server) {}

  static async start(credentials: S3Credentials): Promise<S3Server> {
    const store: S3Server = new S3Server(createServer((request, response) => {
      void text(request).then((body) => {
        const { status, content } = store.handle(request, body, credentials);
        response.writeHead(status, { 'content-type': 'application/xml' }).end(content);
      });
    }));
    await new Promise<void>((settle) => { store.server.listen(0, '127.0.0.1', settle); });
    return store;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((settle) => { this.server.close(settle); });
  }

  private handle(request: IncomingMessage, body: string, credentials: S3Credentials): { status: number; content: string } {
    const [method, path] = [request.method as 'GET' | 'PUT', request.url ?? ''];
    if (this.answer) return fault(this.answer.status, this.answer.code);
    if (!isSigned(request, body, credentials)) return fault(403, 'SignatureDoesNotMatch');
    const found = this.objects.get(path);
    if (method === 'GET') return found === undefined ? fault(404, 'NoSuchKey') : { status: 200, content: found };
    if (request.headers['if-none-match'] === '*' && found !== undefined) return fault(412, 'PreconditionFailed');
    this.objects.set(path, body);
    return { status: 200, content: '' };
  }
}

const fault = (status: number, code: string) => ({ status, content: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>AKIDTEST is not what it was told</Message></Error>` });

function isSigned({ method, url, headers }: IncomingMessage, body: string, credentials: S3Credentials): boolean {
  const date = String(headers['x-amz-date']).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const signed = /SignedHeaders=([a-z0-9;-]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? [];
  const sent = Object.fromEntries(signed.filter((name) => !OF_EVERY_REQUEST.includes(name)).map((name) => [name, String(headers[name])]));
  const expected = signedHeaders({ method: method as 'GET' | 'PUT', url: new URL(`http://${headers.host}${url}`), headers: sent, body }, credentials, new Date(date));
  return headers['x-amz-content-sha256'] === expected['x-amz-content-sha256'] && signatureOf(expected['authorization']) === signatureOf(headers.authorization);
}

const signatureOf = (authorization = ''): string | undefined => /Signature=([0-9a-f]{64})$/.exec(authorization)?.[1];

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
