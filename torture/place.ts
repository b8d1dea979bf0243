/**
 * The files of one Signet in a trial: a folder with database, keys and a declarative file that names the clients, so
 * that their secrets are known before the first start and no trial has to register anything.
 */
import type { Credentials } from '../harness/call.ts'
import { declare } from '../harness/declaration.ts'
import { databaseIn, environmentOf } from '../harness/folder.ts'
import { BEHIND_PROXY } from '../harness/network.ts'
import { runCommand, type Ended, type Launch } from '../harness/program.ts'
import { CHECKOUT, largestQuotas } from '../harness/version.ts'
import type { Context } from './fault.ts'
import { startServer, type ServerProcess } from './server-process.ts'

export interface Place {
  folder: string
  database: string
  env: Record<string, string>
  /** May ask for refresh tokens, and introspects tokens for `api`. */
  app: Credentials
  /** Has scope `signet:admin`. */
  operator: Credentials
  /** The credentials of a client that was declared beside them. */
  client(clientId: string): Credentials
  start(launch?: Partial<Launch>): Promise<ServerProcess>
  run(args: string[]): Promise<Ended>
}

const API = 'api'
/** Every declared client but the operator: the resource `api`, client credentials and refresh tokens. */
export const MEMBERS = { grant_types: ['client_credentials', 'refresh_token'], scope: 'read write', resources: [API] }

export interface PlaceOptions {
  /** Another folder, such as on a file system of its own. */
  folder?: string
  env?: Record<string, string>
  /** More clients, with the RFC 7591 metadata that differs from that of `app`. */
  clients?: Record<string, Record<string, unknown>>
  /** Metadata of `app` beyond the usual. */
  app?: Record<string, unknown>
  /** Secrets of clients that another place knows too; the others are made up. */
  secrets?: Record<string, string>
}

export function preparePlace(
  context: Context,
  { env = {}, clients = {}, app = {}, folder = context.folder(), secrets = {} }: PlaceOptions = {},
): Place {
  const all = { app, operator: { scope: 'signet:admin', resources: [] }, ...clients }
  const members = Object.entries(all).map(([id, metadata]) => ({ client_id: id, ...MEMBERS, ...metadata }))
  const { file, credentialsOf } = declare(folder, {
    resources: [{ id: API, scope: MEMBERS.scope }],
    clients: members,
    secrets,
  })
  const variables = environmentOf(folder, {
    // The issuer does not depend on the port, so that tokens outlive a restart.
    SIGNET_ISSUER: 'http://localhost',
    SIGNET_CONFIG: file,
    SIGNET_LOG_LEVEL: 'warn',
    ...BEHIND_PROXY,
  })
  const launch = ({ checkout = CHECKOUT, ...given }: Partial<Launch> = {}): Launch => ({
    checkout,
    ...given,
    env: { ...variables, ...largestQuotas(checkout), ...env, ...given.env },
  })
  return {
    folder,
    database: databaseIn(folder),
    env: launch().env,
    client: credentialsOf,
    app: credentialsOf('app'),
    operator: credentialsOf('operator'),
    start: (given) => startServer(context, launch(given)),
    run: (args) => runCommand(args, launch(), { onEnd: context.onEnd }),
  }
}
