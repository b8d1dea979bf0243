/**
 * Where one Signet keeps its files in a trial: a folder with database, keys and a declarative file that names
 * the clients, so that their secrets are known before the first start and no trial has to register anything.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from './fault.ts'
import { startServer, runSignet, type Ended, type ServerProcess, type StartOptions } from './server-process.ts'

export interface Credentials {
  clientId: string
  secret: string
}

export interface Place {
  folder: string
  database: string
  env: Record<string, string>
  /** May ask for refresh tokens, and introspects what is meant for `api`. */
  app: Credentials
  /** Has scope `signet:admin`. */
  operator: Credentials
  /** The credentials of a client that was declared beside them. */
  client(clientId: string): Credentials
  start(options?: Partial<StartOptions>): Promise<ServerProcess>
  run(args: string[], options?: Partial<StartOptions>): Promise<Ended>
}

const API = 'api'
/** Every declared client but the operator: the resource `api`, client credentials and refresh tokens. */
export const MEMBERS = { grant_types: ['client_credentials', 'refresh_token'], scope: 'read write', resources: [API] }

export interface PlaceOptions {
  /** Somewhere else than in a folder of its own, such as on a file system of its own. */
  folder?: string
  env?: Record<string, string>
  /** More clients: what their RFC 7591 metadata adds to that of `app`. */
  clients?: Record<string, Record<string, unknown>>
  /** Metadata of `app` beyond the usual. */
  app?: Record<string, unknown>
  /** Secrets of clients that another place knows too; the others are made up. */
  secrets?: Record<string, string>
}

export function preparePlace(
  context: Context,
  { env = {}, clients = {}, app = {}, folder: at, secrets: known = {} }: PlaceOptions = {},
): Place {
  const folder = at ?? context.folder()
  const names = ['app', 'operator', ...Object.keys(clients)]
  const secrets = new Map(names.map((name) => [name, known[name] ?? randomBytes(32).toString('base64url')]))
  const declared = Object.entries({ app, operator: { scope: 'signet:admin', resources: [] }, ...clients })
  const database = join(folder, 'data/signet.db')
  const variables = {
    SIGNET_PORT: '0',
    // The same whatever the port, so that tokens outlive a restart.
    SIGNET_ISSUER: 'http://localhost',
    SIGNET_DATABASE_URL: `file:${database}`,
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_CONFIG: join(folder, 'signet.json'),
    SIGNET_LOG_FORMAT: 'json',
    SIGNET_LOG_LEVEL: 'warn',
    ...env,
  }
  declare(folder, declared, secrets)
  const client = (clientId: string): Credentials => {
    const secret = secrets.get(clientId)
    if (secret === undefined) throw new Error(`no client ${clientId} was declared`)
    return { clientId, secret }
  }
  const withEnv = (options: Partial<StartOptions> = {}) => ({ ...options, env: { ...variables, ...options.env } })
  return {
    folder,
    database,
    env: variables,
    client,
    app: client('app'),
    operator: client('operator'),
    start: (options) => startServer(context, withEnv(options)),
    run: (args, options) => runSignet(args, withEnv(options)),
  }
}

function declare(folder: string, clients: [string, Record<string, unknown>][], secrets: Map<string, string>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, secret] of secrets) writeFileSync(join(folder, `${name}.secret`), secret)
  const declaration = {
    resources: [{ id: API, scope: MEMBERS.scope }],
    clients: clients.map(([clientId, metadata]) => ({
      client_id: clientId,
      ...MEMBERS,
      ...metadata,
      client_secret: { file: `${clientId}.secret` },
    })),
  }
  writeFileSync(join(folder, 'signet.json'), JSON.stringify(declaration))
}
