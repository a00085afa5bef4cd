import { PerennialError } from '../contracts/failures.js';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured lines: a sentence for a person, fields for a search. Never a secret. */
export type GatewayLog = Readonly<Record<LogLevel, (fields: LogFields, message: string) => void>>;

/**
 * JSON lines `{time, level, role, message, …fields}`, time in ISO 8601. The HTTP server's own logger would make a child
 * for every request, which costs more than reading one.
 * @param least the least severe level that is written
 * @param write takes a line with its end
 */
export function gatewayLog(least: LogLevel, write: (line: string) => void = (line) => process.stdout.write(line)): GatewayLog {
  const bound = LEVELS.indexOf(least);
  const at = (level: LogLevel) => (fields: LogFields, message: string): void => {
    if (LEVELS.indexOf(level) > bound) return;
    write(`${JSON.stringify({ time: new Date().toISOString(), level, role: 'gateway', message, ...fields })}\n`);
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/** A failure without what might hold a secret: no stack, no query, no connection. */
export function causeOf(error: unknown): { type: string; cause: string } {
  const type = error instanceof PerennialError ? error.type : ((error as { code?: string } | null)?.code ?? 'Internal');
  return { type, cause: error instanceof Error ? error.message : String(error) };
}
