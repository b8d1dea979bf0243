/**
 * A foreign issuer for tests: a real HTTP server with metadata, a key set and, where wanted, a feed; it counts
 * what it is asked, signs whatever a test wants, and can be made to misbehave.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CompactSign, SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { onTestFinished } from 'vitest'
import { movableClock, type TestClock } from '../support/issuer.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface KeyServer {
  issuer: string
  clock: TestClock
  /** Paths asked for so far, in order. */
  asked: string[]
  /** User agents heard so far. */
  agents: Set<string>
  /** The answer of each path; changed by tests. */
  answers: Map<string, Answer>
  keys: JWK[]
  /** Makes a key and publishes it. */
  addKey(alg?: string, kid?: string): Promise<SigningKey>
  count(path: string): number
  stop(): Promise<void>
  /** Listens again on the same port. */
  start(): Promise<void>
}

export interface SigningKey {
  alg: string
  kid: string
  privateKey: CryptoKey
  publicJwk: JWK
}

export const JWKS = '/jwks'
export const DISCOVERY = '/.well-known/openid-configuration'
export const API = 'https://api.example'

export const json =
  (body: unknown, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }

let made = 0

export async function startKeyServer(): Promise<KeyServer> {
  const asked: string[] = []
  const agents = new Set<string>()
  const answers = new Map<string, Answer>()
  const keys: JWK[] = []
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    asked.push(path)
    agents.add(request.headers['user-agent'] ?? '')
    const answer = answers.get(path)
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  answers.set(DISCOVERY, json({ issuer, jwks_uri: issuer + JWKS }))
  answers.set(JWKS, (request, response) =>
    json({ keys }, { 'cache-control': 'public, max-age=300' })(request, response),
  )
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
  onTestFinished(stop)
  return {
    issuer,
    clock: movableClock(),
    asked,
    agents,
    answers,
    keys,
    async addKey(alg = 'ES256', kid = `key-${++made}`) {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
      const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
      keys.push(publicJwk)
      return { alg, kid, privateKey, publicJwk }
    },
    count: (path) => asked.filter((each) => each === path).length,
    stop,
    start: () => listen(port),
  }
}

/** The issuer that signs, and its clock. */
type Maker = { issuer: string; clock: { now(): number } }
type Signer = { alg: string; kid?: string; privateKey: CryptoKey | Uint8Array }

const standardClaims = (server: Maker) => {
  const now = Math.floor(server.clock.now() / 1000)
  return {
    iss: server.issuer,
    sub: 'ada',
    aud: API,
    client_id: 'shop',
    iat: now,
    exp: now + 600,
    jti: crypto.randomUUID(),
  }
}

const standardHeader = (key: Signer) => ({
  alg: key.alg,
  ...(key.kid !== undefined && { kid: key.kid }),
  typ: 'at+jwt',
})

/** Signs a good access token, but for what `claims` and `header` change; `undefined` leaves something out. */
export function sign(
  server: Maker,
  key: Signer,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT({ ...standardClaims(server), ...claims })
    .setProtectedHeader({ ...standardHeader(key), ...header })
    .sign(key.privateKey)
}

/** Lists in lists as JSON, `levels` of them; written by hand, because what walks them overflows the stack. */
export const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

/** Signs a good access token with one more claim, whose value is given as JSON. */
export function signWithJson(server: Maker, key: Signer, name: string, value: string): Promise<string> {
  const others = JSON.stringify({ ...standardClaims(server), [name]: undefined })
  const claims = `${others.slice(0, -1)},"${name}":${value}}`
  return new CompactSign(new TextEncoder().encode(claims)).setProtectedHeader(standardHeader(key)).sign(key.privateKey)
}
