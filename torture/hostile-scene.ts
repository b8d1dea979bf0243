/** A server with records to aim at, and the values that a good request would have. */
import { Caller, type Credentials } from './caller.ts'
import type { Context } from './fault.ts'
import { MEMBERS, preparePlace } from './place.ts'
import type { ServerProcess } from './server-process.ts'

const SUBJECT_GRANT = 'urn:signet:params:oauth:grant-type:subject'

export interface HostileScene {
  server: ServerProcess
  app: Caller
  basic: string
  bearer: string
  /** Registered for `client_secret_post`. */
  poster: Credentials
  /** Good values, by the name of the parameter. */
  good: Record<string, unknown>
  /** What stands for `{…}` in a path, by the part before it. */
  ids: Record<string, string>
  /** Values that belong to another client, by the name of the parameter. */
  others: Record<string, string>
}

export async function setUp(context: Context): Promise<HostileScene> {
  const place = preparePlace(context, {
    // Refresh tokens that are used stay good, since their successors are not used.
    env: { SIGNET_REFRESH_GRACE: '1h' },
    app: { grant_types: [...MEMBERS.grant_types, SUBJECT_GRANT], allowed_claims: ['email'] },
    clients: { poster: { token_endpoint_auth_method: 'client_secret_post' }, other: {}, decoy: {} },
  })
  const server = await place.start()
  const app = new Caller(server.url, place.app)
  const other = new Caller(server.url, place.client('other'))
  const [own, foreign] = [await app.grant(), await other.grant()]
  await app.send('/token', { form: { grant_type: SUBJECT_GRANT, subject: 'ada', scope: 'read offline_access' } })
  const bearer = `Bearer ${await new Caller(server.url, place.operator).accessToken()}`
  const entry = await addRecords(server.url, bearer)
  const otherSecret = place.client('other').secret
  return {
    server,
    app,
    bearer,
    basic: `Basic ${Buffer.from(`app:${place.app.secret}`).toString('base64')}`,
    poster: place.client('poster'),
    good: { scope: 'read', resources: ['api'], refresh_token: own.refreshToken, token: own.accessToken },
    ids: {
      clients: 'decoy',
      resources: 'decoy-api',
      grants: claimOf(foreign.accessToken, 'sid'),
      users: 'ada',
      blacklist: entry,
      jwks: 'api',
      docs: 'swagger-ui.css',
    },
    others: {
      client_id: 'other',
      client_secret: otherSecret,
      refresh_token: foreign.refreshToken,
      token: foreign.accessToken,
      jti: claimOf(foreign.accessToken, 'jti'),
      sid: claimOf(foreign.accessToken, 'sid'),
      sub: 'other',
      subject: 'other',
      Authorization: `Basic ${Buffer.from(`other:${otherSecret}`).toString('base64')}`,
    },
  }
}

/** @returns the id of a blacklist entry */
async function addRecords(url: string, authorization: string): Promise<string> {
  const administration = new Caller(url)
  const headers = { authorization }
  await administration.send('/admin/api/resources', { headers, json: { id: 'decoy-api', scope: 'read' } })
  const { text } = await administration.send('/blacklist', { headers, json: { sub: 'nobody' } })
  return (JSON.parse(text) as { id: string }).id // POST /blacklist answers with the entry
}

const claimOf = (jwt: string, name: string): string => {
  const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
  return String((claims as Record<string, unknown>)[name]) // Signet has just made it
}
