/** A person who is signed in, two apps, and the loads of a sign-in with the cookie and of its refresh. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { Bench } from '../bench.ts'
import { inFolder } from '../folder.ts'
import { CONNECTIONS, type Work } from '../load/work.ts'
import type { Side } from '../sides/side.ts'
import { runOn, runWithInput, type Place } from '../sides/signet.ts'
import { ISSUER } from '../sides/terms.ts'

/** Clients whose ID tokens are signed so. An access token here is ES256, and an RS256 signature costs many times that. */
export const APPS = { ES256: 'bench-es256', RS256: 'bench-rs256' } as const
const CALLBACK = 'https://app.example/callback'
const PERSON = { username: 'ada', password: 'correct horse battery staple 7' }
const VERIFIER = 'v'.repeat(43)

/** The one person here signs in more than a thousand times. Within the usual quota, each further sign-in would end a grant too. */
export const ENVIRONMENT = { SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_LIMIT_GRANTS: '1000000' }

/** The pool of refresh tokens of a side's grants of persons. */
const poolOf = ({ name }: Side): string => `refresh of a person's, ${name}`

/** Declares the apps and makes the person, before the servers of the place start. */
export async function preparePeople(place: Place): Promise<void> {
  const declaration = inFolder('people.json')
  writeFileSync(declaration, JSON.stringify(DECLARED))
  await runOn(place, 'apply', declaration)
  await runWithInput(place, PERSON.password, 'user', 'create', PERSON.username, '--password-stdin')
}

const DECLARED = {
  clients: Object.entries(APPS).map(([alg, client_id]) => ({
    client_id,
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    scope: 'openid offline_access',
    id_token_signed_response_alg: alg,
  })),
}

const fields = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/name="(tx|csrf)"[^>]*value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  )

const cookiesOf = (answer: Response): string[] => answer.headers.getSetCookie().map((each) => each.replace(/;.*/, ''))

/** Opens the sign-in page. @returns its path, its form and its cookies */
export async function openPage({ port }: Side, headers: Record<string, string> = {}) {
  const base = `http://localhost:${port}`
  const first = await fetch(`${base}/login`, { redirect: 'manual', headers })
  const path = (first.headers.get('location') ?? '').replace(/^https?:\/\/[^/]+/, '')
  const cookie = cookiesOf(first).join('; ')
  const page = await fetch(base + path, { headers: { ...headers, cookie } })
  return { path, cookie, form: fields(await page.text()) }
}

/** @returns the cookies of a browser in which the person is signed in */
export async function signIn(side: Side): Promise<string> {
  const { path, cookie, form } = await openPage(side)
  const answer = await fetch(`http://localhost:${side.port}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie, origin: new URL(ISSUER).origin },
    body: new URLSearchParams({ ...form, ...PERSON, action: 'sign-in' }),
  })
  const cookies = cookiesOf(answer)
  if (answer.status !== 303 || cookies.length === 0) throw new Error(`not signed in: ${answer.status}`)
  return [cookie, ...cookies].join('; ')
}

export function redeeming(
  side: Side,
  cookie: string,
  app: string,
  terms: { scope?: string; below?: string } = {},
): Work {
  const { scope = 'openid', below = '' } = terms
  const challenge = createHash('sha256').update(VERIFIER).digest('base64url')
  const request = new URLSearchParams({
    client_id: app,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  const form = { grant_type: 'authorization_code', client_id: app, redirect_uri: CALLBACK, code_verifier: VERIFIER }
  return {
    port: side.port,
    method: 'GET',
    path: `${below}/authorize?${request.toString()}`,
    headers: { cookie },
    redeems: { path: `${below}/token`, form },
  }
}

/** Refreshes of grants that a person gave: each signs an access token and an ID token. */
export async function renewing(bench: Bench, side: Side, cookie: string): Promise<Work> {
  const app = APPS.ES256
  const tokens: string[] = []
  for (let grant = 0; grant < CONNECTIONS; grant++) tokens.push(await signInWithCookie(side, cookie, app))
  bench.load.fill(poolOf(side), tokens)
  return {
    port: side.port,
    method: 'POST',
    path: '/refresh',
    form: { grant_type: 'refresh_token', client_id: app },
    takes: { pool: poolOf(side), as: 'refresh_token' },
    keeps: { pool: poolOf(side), member: 'refresh_token' },
  }
}

/** @returns the refresh token of a new grant */
async function signInWithCookie(side: Side, cookie: string, app: string): Promise<string> {
  const { path, redeems } = redeeming(side, cookie, app, { scope: 'openid offline_access' })
  const base = `http://localhost:${side.port}`
  const given = await fetch(base + path, { redirect: 'manual', headers: { cookie } })
  const code = new URL(given.headers.get('location') ?? '', base).searchParams.get('code') ?? ''
  const answer = await fetch(`${base}/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...redeems?.form, code }),
  })
  const { refresh_token: token } = (await answer.json()) as { refresh_token?: string } // RFC 6749 §5.1; looked at below
  if (token === undefined) throw new Error(`no refresh token: ${answer.status}`)
  return token
}
