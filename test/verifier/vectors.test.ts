/**
 * The vectors that the verifiers of all languages run, here against the one for Node: tokens, rights, key sets and feeds,
 * over HTTP, at the times that the vectors say.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import { FILES, makeDocuments } from '../../verifiers/vectors/documents.ts'
import type { FeedCase, Page } from '../../verifiers/vectors/feeds.ts'
import type { Answer, KeySetCase, Verdict } from '../../verifiers/vectors/key-sets.ts'
import type { RightsCase } from '../../verifiers/vectors/rights.ts'
import type { TokenCase } from '../../verifiers/vectors/tokens.ts'
import { createAuthMiddleware } from '../../verifiers/node/src/hono.ts'
import {
  TOKEN_ERROR_CODES,
  createTokenVerifier,
  type TokenError,
  type TokenVerifier,
  type TokenVerifierOptions,
  type VerifyOverrides,
} from '../../verifiers/node/src/index.ts'
import { bearer } from '../support/client.ts'

const FOLDER = resolve(import.meta.dirname, '../../verifiers/vectors')

interface Vectors<Case> {
  issuer: string
  audience: string
  now: number
  jwks: unknown
  cases: Case[]
}

const read = <Case>(name: string): Vectors<Case> => JSON.parse(readFileSync(resolve(FOLDER, `${name}.json`), 'utf8'))

const tokens = read<TokenCase>('tokens')
const rights = read<RightsCase>('rights')
const keySets = read<KeySetCase>('key-sets')
const feeds = read<FeedCase>('feeds')

function send(response: ServerResponse, { status, headers, body, pad = 0 }: Answer): void {
  response.writeHead(status, headers).end(status === 304 ? undefined : body + ' '.repeat(pad))
}

/** An issuer whose key set and feed answer what a vector says; it sends no events. */
async function serve(keys: Answer, pages: () => Page[] = () => []): Promise<string> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    if (url.pathname === '/jwks') return send(response, keys)
    if (request.headers.accept === 'text/event-stream') return void response.writeHead(406).end()
    const after = url.searchParams.get('after')
    const page = pages().find((each) => each.after === after)
    if (page) return send(response, page)
    // The follower has taken a page of this step by a question of the step before.
    const taken = after === null ? undefined : pages().find(({ body }) => cursorOf(body) === after)
    if (!taken) return void response.writeHead(404).end()
    send(response, { ...taken, body: JSON.stringify({ cursor: after, entries: [], removed: [] }) })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
}

function cursorOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { cursor?: unknown } | null)?.cursor
  } catch {
    return undefined
  }
}

const published = (jwks: unknown): Answer => ({ status: 200, headers: {}, body: JSON.stringify(jwks) })

/** The options of vectors in the names of this package. */
const inCamelCase = (options: Record<string, unknown> = {}): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )

function open(
  vectors: Vectors<unknown>,
  at: string,
  options: Partial<TokenVerifierOptions> = {},
  clock = { now: () => vectors.now * 1000, elapsed: () => 0 },
): TokenVerifier {
  const { issuer, audience } = vectors
  const verifier = createTokenVerifier({ issuer, audience, jwksUri: `${at}/jwks`, clock, ...options })
  onTestFinished(() => verifier.close())
  return verifier
}

const outcome = (verifier: TokenVerifier, token: string, overrides?: VerifyOverrides): Promise<string> =>
  verifier.verifyToken(token, overrides).then(
    () => 'accepted',
    (error: TokenError) => (TOKEN_ERROR_CODES.includes(error.code) ? error.code : `no TokenError: ${error.stack}`),
  )

/** The verdict, or the first of those that the vector allows. */
const expected = (real: string, { code, also = [] }: Pick<Verdict, 'code' | 'also'>): string =>
  also.includes(real) ? real : code

test.each(tokens.cases)('token: $name', async (vector) => {
  const at = await serve(published(tokens.jwks))
  const real = await outcome(open(tokens, at, inCamelCase(vector.options)), vector.token)
  expect(real).toBe(expected(real, vector))
})

test('rights: a route demands a scope, a role or a permission', async () => {
  const at = await serve(published(rights.jwks))
  const auth = createAuthMiddleware({ verifier: open(rights, at) })
  for (const { name, token, needs, code } of rights.cases) {
    const app = new Hono()
    if ('scope' in needs) app.use(auth.requireScope(...needs.scope))
    else if ('role' in needs) app.use(auth.requireRole(...needs.role))
    else app.use(auth.requireAnyPermission(needs.permission))
    app.get('/', (c) => c.json({ error: 'accepted' }))
    const answer = await app.request('/', { headers: bearer(token) })
    expect([name, await answer.json()]).toEqual([name, expect.objectContaining({ error: code })])
  }
})

test.each(keySets.cases)('key set: $name', async ({ answer, verdicts }) => {
  const verifier = open(keySets, await serve(answer))
  for (const verdict of verdicts) {
    const real = await outcome(verifier, verdict.token)
    expect(real).toBe(expected(real, verdict))
  }
})

test.each(feeds.cases)('feed: $name', async ({ revocations, steps }) => {
  let [current] = steps
  const clock = { now: () => (current?.now ?? 0) * 1000, elapsed: () => (current?.elapsed ?? 0) * 1000 }
  const at = await serve(published(feeds.jwks), () => current?.pages ?? [])
  const policy = inCamelCase(revocations)
  const verifier = open(feeds, at, { revocations: { ...policy, feedUrl: `${at}/blacklist/feed` } }, clock)
  for (const [index, step] of steps.entries()) {
    current = step
    for (const { token, when_stale: whenStale, ...verdict } of step.verdicts) {
      const real = await outcome(verifier, token, whenStale && { revocations: { whenStale } })
      expect([`step ${index}`, real]).toEqual([`step ${index}`, verdict.code])
    }
  }
})

test('every code that a token can cause is in the vectors', () => {
  const verdicts = [
    ...tokens.cases,
    ...rights.cases,
    ...keySets.cases.flatMap((each) => each.verdicts),
    ...feeds.cases.flatMap(({ steps }) => steps.flatMap((each) => each.verdicts)),
  ]
  expect([...new Set(verdicts.map(({ code }) => code))].toSorted()).toEqual(
    ['accepted', ...TOKEN_ERROR_CODES].toSorted(),
  )
})

/** Keys, signatures and hashes are left out, because those of keys are new at each run; header and payload are read. */
const withoutKeys = (document: unknown): string =>
  JSON.stringify(document, null, 2)
    .replace(/(?<![\w-])eyJ[\w-]+(?=\.)/g, (part) => Buffer.from(part, 'base64url').toString())
    .replace(/[\w-]{40,}/g, '…')

test.each(FILES)('%s.json says what the program that makes it says', (name) => {
  expect(withoutKeys(read(name))).toBe(withoutKeys(makeDocuments()[name]))
})
