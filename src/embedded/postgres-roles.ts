import pg from 'pg';
import type { Secrets } from './state-folder.js';

export const DATABASE = 'perennial';
export const OWNER_ROLE = 'perennial_owner';
export const LOGIN_ROLE = 'perennial';
export const APP_ROLE = 'perennial_app';

/**
 * The database and its two login roles, made where they are missing. `perennial_owner` owns the database and may create
 * the group role that the migrations grant rights to; `perennial`, as which the application logs in, owns nothing.
 */
export async function createDatabaseAndRoles(adminUrl: string, secrets: Secrets): Promise<void> {
  await withClient(adminUrl, async (client) => {
    // A statement that fails would otherwise be logged with the password in it.
    await client.query('SET log_min_error_statement = panic');
    await createRole(client, OWNER_ROLE, 'CREATEROLE', secrets.owner);
    await createRole(client, LOGIN_ROLE, '', secrets.application);
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${OWNER_ROLE}`);
    await client.query(`REVOKE ALL ON DATABASE ${DATABASE} FROM PUBLIC`);
    await client.query(`GRANT CONNECT ON DATABASE ${DATABASE} TO ${LOGIN_ROLE}`);
  });
}

/**
 * Lets the application's login use what the migrations granted to the group role `perennial_app`.
 * To be called after the migrations, as the role that ran them; again is harmless.
 */
export async function grantAppRole(ownerDatabaseUrl: string, loginRole: string = LOGIN_ROLE): Promise<void> {
  await withClient(ownerDatabaseUrl, async (client) => {
    await client.query(`GRANT ${APP_ROLE} TO ${client.escapeIdentifier(loginRole)}`);
  });
}

/** Runs `work` with a connection of its own, closed whatever happens. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A server that goes away meanwhile shows in the query that fails.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createRole(client: pg.Client, role: string, attributes: string, password: string): Promise<void> {
  const found = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
  if (found.rowCount === 0) await client.query(`CREATE ROLE ${role} LOGIN ${attributes} PASSWORD ${client.escapeLiteral(password)}`);
}
