/**
 * People: a sign-in with a session cookie to a code and its redemption beside /refresh, the sign-in page, and a flood of
 * password guesses beside /token of services.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { Bench } from '../bench.ts'
import { goalOf, type Finding } from '../finding.ts'
import { inFolder } from '../folder.ts'
import { Load } from '../load/load.ts'
import { CONNECTIONS, type Work } from '../load/work.ts'
import { describe, rateRatio, ratioGoal } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import { startBare } from '../sides/bare.ts'
import type { Side } from '../sides/side.ts'
import { copyOf, runOn, runWithInput, startSignet } from '../sides/signet.ts'
import { ISSUER } from '../sides/terms.ts'
import { median } from '../statistics.ts'
import { clientCredentials, refreshing } from './endpoints.ts'

const LEAST_OF_REFRESH = 0.6
const LEAST_PAGES = 5000
const MOST_P99_MS = 200

/** Clients whose ID tokens are signed so. An access token here is ES256, and an RS256 signature costs many times that. */
const APPS = { ES256: 'bench-es256', RS256: 'bench-rs256' } as const
const CALLBACK = 'https://app.example/callback'
const PERSON = { username: 'ada', password: 'correct horse battery staple 7' }
const VERIFIER = 'v'.repeat(43)

/** The one person here signs in more than a thousand times. Within the usual quota, each further sign-in would end a grant too. */
const ENVIRONMENT = { SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_LIMIT_GRANTS: '1000000' }

/** Guesses come from many networks, so that the throttle of one network does not stop the flood. */
const GUESSERS = 16

/** The path of the bare side below which it serves people. */
const BELOW = '/people'

/** The pool of refresh tokens of persons' grants. */
const RENEWED = "refresh of a person's"

export async function people(bench: Bench): Promise<Finding> {
  const place = copyOf(bench.model, 'people')
  const declaration = inFolder('people.json')
  writeFileSync(declaration, JSON.stringify(DECLARED))
  await runOn(place, 'apply', declaration)
  await runWithInput(place, PERSON.password, 'user', 'create', PERSON.username, '--password-stdin')
  const side = await startSignet('Signet, people', place, { env: ENVIRONMENT })
  const bare = await startBare('bare handlers', bench.model.credentials, {})
  try {
    const cookie = await signIn(side)
    const rows = await compare(bench, {
      work: 'cookie to code to tokens',
      contenders: [
        { side: { ...side, name: 'Signet, ID token ES256' }, work: redeeming(side, cookie, APPS.ES256) },
        { side: { ...side, name: 'Signet, ID token RS256' }, work: redeeming(side, cookie, APPS.RS256) },
        {
          side: { ...side, name: '/refresh of the same app, ID token ES256' },
          work: await renewing(bench, side, cookie),
        },
        { side: { ...side, name: '/refresh of a service' }, work: await refreshing(bench, side) },
        { side: { ...bare, name: 'bare handlers, ID token ES256' }, work: await redeemingBare(bare) },
        { side: { ...bare, name: 'bare /refresh, ID token ES256' }, work: await renewingBare(bench, bare) },
      ],
      base: 2,
    })
    const page = await pageOf(side)
    rows.push(...(await compare(bench, { work: 'sign-in page', contenders: [{ side, work: page }] })))
    const [codes, , renewals, refreshes, bareCodes, bareRenewals, pages] = rows
    if (!codes || !renewals || !refreshes || !bareCodes || !bareRenewals || !pages) throw new Error('a row is missing')
    const perSecond = median(pages.rounds.map(({ requestsPerSecond }) => requestsPerSecond))
    const flood = await guessing(bench, side)
    return {
      rows,
      goals: [
        ratioGoal(8, 'cookie to code to tokens, to /refresh of the same app', codes, renewals, LEAST_OF_REFRESH),
        ratioGoal(8, 'cookie to code to tokens, to /refresh of a service', codes, refreshes, LEAST_OF_REFRESH),
        goalOf(8, `sign-in pages a second ≥ ${LEAST_PAGES}`, perSecond.toFixed(0), perSecond >= LEAST_PAGES),
        goalOf(
          8,
          `/token: p99 beside a flood of password guesses < ${MOST_P99_MS} ms`,
          `${flood.p99.toFixed(1)} ms`,
          flood.p99 < MOST_P99_MS,
        ),
      ],
      facts: [
        {
          what: 'cookie to code to tokens, to /refresh of the same app: bare handlers',
          found: describe(rateRatio(bareCodes, bareRenewals)),
        },
        { what: 'cookie to code to tokens: Signet to bare handlers', found: describe(rateRatio(codes, bareCodes)) },
        {
          what: '/refresh of the same app: Signet to bare handlers',
          found: describe(rateRatio(renewals, bareRenewals)),
        },
        { what: 'guesses at passwords meanwhile', found: `${flood.guesses.toFixed(0)} a second` },
      ],
    }
  } finally {
    await Promise.all([side.stop(), bare.stop()])
  }
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
async function openPage({ port }: Side, headers: Record<string, string> = {}) {
  const base = `http://localhost:${port}`
  const first = await fetch(`${base}/login`, { redirect: 'manual', headers })
  const path = (first.headers.get('location') ?? '').replace(/^https?:\/\/[^/]+/, '')
  const cookie = cookiesOf(first).join('; ')
  const page = await fetch(base + path, { headers: { ...headers, cookie } })
  return { path, cookie, form: fields(await page.text()) }
}

/** @returns the cookies of a browser in which the person is signed in */
async function signIn(side: Side): Promise<string> {
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

function redeeming(side: Side, cookie: string, app: string, terms: { scope?: string; below?: string } = {}): Work {
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
async function renewing(bench: Bench, side: Side, cookie: string): Promise<Work> {
  const app = APPS.ES256
  const tokens: string[] = []
  for (let grant = 0; grant < CONNECTIONS; grant++) tokens.push(await signInWithCookie(side, cookie, app))
  bench.load.fill(RENEWED, tokens)
  return {
    port: side.port,
    method: 'POST',
    path: '/refresh',
    form: { grant_type: 'refresh_token', client_id: app },
    takes: { pool: RENEWED, as: 'refresh_token' },
    keeps: { pool: RENEWED, member: 'refresh_token' },
  }
}

/** The same of the bare side, below a path of its own. */
async function redeemingBare(side: Side): Promise<Work> {
  const session = await fetch(`http://localhost:${side.port}${BELOW}/session`, { method: 'POST' })
  return redeeming(side, `session=${await session.text()}`, APPS.ES256, { below: BELOW })
}

async function renewingBare(bench: Bench, side: Side): Promise<Work> {
  const work = await refreshing(bench, side)
  return { ...work, path: `${BELOW}/refresh` }
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

async function pageOf(side: Side): Promise<Work> {
  const { path, cookie } = await openPage(side)
  return { port: side.port, method: 'GET', path, headers: { cookie } }
}

/** Services ask for tokens, a few at a time, while strangers guess. */
async function guessing(bench: Bench, side: Side): Promise<{ p99: number; guesses: number }> {
  const seconds = Math.max(1.5, bench.options.seconds * 4)
  const flood = new Load()
  bench.say('a flood of guesses')
  const pages = await Promise.all(Array.from({ length: GUESSERS }, () => openPage(side)))
  const guess = ({ path, cookie, form }: (typeof pages)[number], at: number): Promise<{ requests: number }> =>
    flood.run(
      {
        port: side.port,
        method: 'POST',
        path,
        headers: { cookie, origin: new URL(ISSUER).origin, 'x-forwarded-for': `198.51.100.${at}` },
        form: { ...form, username: `nobody-${at}`, password: 'a wrong password', action: 'sign-in' },
        connections: 4,
      },
      seconds,
    )
  const [probe, ...guessed] = await Promise.all([
    bench.run(
      '/token beside guesses',
      { ...bench.post(side, '/token', clientCredentials), connections: 4, pauseMs: 5 },
      seconds,
    ),
    ...pages.map(guess),
  ])
  flood.stop()
  return { p99: probe.p99, guesses: guessed.reduce((all, { requests }) => all + requests, 0) / seconds }
}
