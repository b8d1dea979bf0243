/** A server whose clock the trial moves, with dead tokens, live tokens, and keys that rotate soon. */
import { setTimeout as pause } from 'node:timers/promises'
import { Caller } from './caller.ts'
import type { Context } from './fault.ts'
import { startWithMovableClock, type MovableServer } from './moved-clock.ts'
import { preparePlace } from './place.ts'

/** By then the periodic work on keys has run. */
export const KEYS_MS = 1000

/** All periods are shorter than an hour, so that every jump would rotate and retire keys if Signet believed it. */
const EAGER = { SIGNET_KEY_ROTATION: '40m', SIGNET_KEY_PREPUBLISH: '10m', SIGNET_JWKS_MAX_AGE: '5m' }

/** A token that was dead before the jump, and the client that may introspect it. */
export interface Dead {
  what: string
  token: string
  caller: Caller
}

export interface Scene extends MovableServer {
  name: string
  app: Caller
  /** Its tokens live a second. */
  brief: Caller
  dead: Dead[]
  /** Alive before the jump, and must be alive when the clock is right again. */
  accessToken: string
  refreshToken: string
  kids: string
  signedBy: string
}

export async function setUp(context: Context, name: string): Promise<Scene> {
  const place = preparePlace(context, {
    env: { ...EAGER, SIGNET_REFRESH_GRACE: '0s' },
    clients: { brief: { access_token_ttl: 1, refresh_token_ttl: 1 } },
  })
  const { server, move } = await startWithMovableClock(place)
  const [app, brief] = [new Caller(server.url, place.app), new Caller(server.url, place.client('brief'))]
  const [revoked, alive] = [await app.grant(), await app.grant()]
  await app.revoke(revoked.refreshToken)
  const single = await app.accessToken()
  await app.revoke(single)
  // The active keys become retiring keys.
  await rotateKeys(server.url, await new Caller(server.url, place.operator).accessToken())
  await pause(KEYS_MS) // those that never signed leave by themselves
  return {
    name,
    server,
    move,
    app,
    brief,
    dead: [
      { what: 'revoked access token', token: single, caller: app },
      { what: 'access token of a revoked grant', token: revoked.accessToken, caller: app },
      { what: 'revoked refresh token', token: revoked.refreshToken, caller: app },
    ],
    accessToken: alive.accessToken,
    refreshToken: alive.refreshToken,
    kids: await jwksOf(app),
    signedBy: kidOf(await app.accessToken()),
  }
}

async function rotateKeys(url: string, operator: string): Promise<void> {
  const answer = await new Caller(url).send('/admin/api/keys/rotate', {
    method: 'POST',
    headers: { authorization: `Bearer ${operator}` },
  })
  if (answer.status !== 200) throw new Error(`keys were not rotated: ${answer.status} ${answer.text}`)
}

export const jwksOf = async (app: Caller): Promise<string> => (await app.send('/.well-known/jwks.json')).text

/** Makes tokens that have just expired, and are not swept yet. */
export async function expired({ brief: caller }: Scene): Promise<Dead[]> {
  const { accessToken, refreshToken } = await caller.grant()
  await pause(2100) // over, whatever second it began in
  return [
    { what: 'expired access token', token: accessToken, caller },
    { what: 'expired refresh token', token: refreshToken, caller },
  ]
}

/** The `kid` of a JWT that Signet has just signed. */
export const kidOf = (token: string): string => {
  const header: unknown = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  if (typeof header !== 'object' || header === null || !('kid' in header)) throw new Error('a token without kid')
  return String(header.kid)
}
