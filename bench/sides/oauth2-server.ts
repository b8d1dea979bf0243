/** `@node-oauth/oauth2-server` as a side. */
import { join } from 'node:path'
import { nodeProgram, startSide, type Side } from './side.ts'
import type { Credentials } from './terms.ts'

export const startOauth2Server = (credentials: Credentials): Promise<Side> =>
  startSide({
    name: 'node-oauth2-server, memory',
    program: nodeProgram([
      join(import.meta.dirname, 'oauth2-server-server.ts'),
      credentials.clientId,
      credentials.secret,
    ]),
    credentials,
    paths: { refresh: '/token', family: '/grant', jwks: '/jwks' },
  })
