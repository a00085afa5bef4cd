import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of alarms: it answers each request with the next of its answers, the last one again and again. */
export class Receiver {
  readonly received: Received[] = [];
  private answers: RequestListener[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        receiver.received.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
        const answer = receiver.answers.length > 1 ? receiver.answers.shift() : receiver.answers[0];
        answer?.(request, response);
      });
    });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hidden-path`;
  }

  /** Forgets what came, and answers so from now on; null hangs. */
  answer(...statuses: (number | null)[]): void {
    this.received.length = 0;
    this.answers = statuses.map((status) => (_request, response) => {
      if (status !== null) response.writeHead(status, status >= 300 && status < 400 ? { location: this.url } : {}).end();
    });
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
