/** oidc-provider as a side, with one of two adapters: a Map, or SQLite that is as durable as Signet's. */
import { join } from 'node:path'
import { inFolder } from '../folder.ts'
import { nodeProgram, startSide, type Side } from './side.ts'
import type { Credentials } from './terms.ts'

export const startOidcProvider = (adapter: 'map' | 'sqlite', credentials: Credentials): Promise<Side> =>
  startSide({
    name: `oidc-provider, ${adapter === 'map' ? 'Map' : 'SQLite FULL'}`,
    program: nodeProgram(
      [
        join(import.meta.dirname, 'oidc-provider-server.ts'),
        adapter === 'map' ? '' : inFolder('oidc-provider.db'),
        credentials.clientId,
        credentials.secret,
      ],
      // At every start it writes which of its defaults are not for production.
      { env: { NODE_ENV: 'production' }, stderr: 'null' },
    ),
    credentials,
    paths: { refresh: '/token', family: '/grant', jwks: '/jwks' },
  })
