import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import { jsonFault } from '../../contracts/json-fault.js';

export const MAX_BODY_BYTES = 1024 * 1024;

/** Signed events: their bytes are handed on as they came, because the signature is over them. */
export const SIGNED_MEDIA_TYPE = 'application/cloudevents+json';
const MAX_SIGNED_BYTES = 256 * 1024;

const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'text/plain'];

/** JSON everywhere; a signed event's bytes where `takesSigned` says so; YAML where `takesYaml` says so, as the member `spec` of a body. Everything else is answered 415 by Fastify. */
export function useBodyParsers(server: FastifyInstance, takesYaml: (request: FastifyRequest) => boolean, takesSigned: (request: FastifyRequest) => boolean): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    settle(done, () => parseJson(decode(request, body as Buffer)));
  });
  server.addContentTypeParser(SIGNED_MEDIA_TYPE, { parseAs: 'buffer', bodyLimit: MAX_SIGNED_BYTES }, (request, body, done) => {
    settle(done, () => {
      if (!takesSigned(request)) throw new PerennialError('UnsupportedMediaType', 'This route takes application/json');
      return body;
    });
  });
  server.addContentTypeParser(YAML_TYPES, { parseAs: 'buffer' }, (request, body, done) => {
    settle(done, () => {
      if (!takesYaml(request)) throw new PerennialError('UnsupportedMediaType', 'This route takes application/json');
      return { spec: decode(request, body as Buffer) };
    });
  });
}

function settle(done: (error: Error | null, body?: unknown) => void, parse: () => unknown): void {
  let body: unknown;
  try {
    body = parse();
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, body);
}

function decode(request: FastifyRequest, body: Buffer): string {
  const charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset && !/^(utf-8|utf8|us-ascii)$/i.test(charset)) {
    throw new PerennialError('UnsupportedMediaType', 'The body must be UTF-8');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new PerennialError('InvalidRequest', 'The body is not UTF-8');
  }
}

/** No body means no fields. */
function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new PerennialError('InvalidRequest', `The body is not JSON: ${error instanceof Error ? jsonFault(error) : ''}`);
  }
}
