/**
 * Verified tokens a second beside raw `jose.jwtVerify` with the same token, key and claims: in one process,
 * interleaved, so that only ratios count.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, exportJWK, generateKeyPair, jwtVerify, type CryptoKey } from 'jose'
import { createTokenVerifier, type TokenVerifier, type TokenVerifierOptions } from '../src/index.ts'

const AUDIENCE = 'https://api.example'
/** Verifications under way at once, as in a busy service. */
const CONCURRENCY = 32
const ENTRIES = 2000

export interface Measured {
  algorithm: string
  what: string
  tokensPerSecond: number
  /** To `jose.jwtVerify`, by tokens a second. */
  ratio: number
  /** The same by processor time, which other work on the machine disturbs less. */
  cpuRatio: number
}

interface Rate {
  perSecond: number
  perCpuSecond: number
}

export interface BenchOptions {
  /** Per measurement. */
  milliseconds?: number
  rounds?: number
}

/** Measures for both of Signet's algorithms. */
export async function measureVerify({ milliseconds = 300, rounds = 7 }: BenchOptions = {}): Promise<Measured[]> {
  const results: Measured[] = []
  for (const algorithm of ['ES256', 'RS256']) {
    const issuer = await startIssuer(algorithm)
    const open = (options: Partial<TokenVerifierOptions>) =>
      createTokenVerifier({ issuer: issuer.url, audience: AUDIENCE, ...options })
    const verifiers: [string, TokenVerifier][] = [
      ['verifyToken', open({})],
      ['verifyToken, revocations followed', open({ revocations: true })],
      ['verifyToken, revocations followed, cache on', open({ revocations: true, cache: true })],
    ]
    const raw = () => jwtVerify(issuer.token, issuer.key, { issuer: issuer.url, audience: AUDIENCE, typ: 'at+jwt' })
    const work: [string, () => Promise<unknown>][] = [
      ['jose.jwtVerify', raw],
      ...verifiers.map(([name, verifier]): [string, () => Promise<unknown>] => [
        name,
        () => verifier.verifyToken(issuer.token),
      ]),
    ]
    results.push(...(await compare(algorithm, work, { milliseconds, rounds })))
    for (const [, verifier] of verifiers) await verifier.close()
    await issuer.stop()
  }
  return results
}

/** The ratio is the median of each round's own, because the machine's speed changes from round to round. */
async function compare(
  algorithm: string,
  work: [string, () => Promise<unknown>][],
  { milliseconds, rounds }: Required<BenchOptions>,
): Promise<Measured[]> {
  const measured = work.map(([what, verify]) => ({ what, verify, rates: [] as Rate[] }))
  for (let round = -1; round < rounds; round++) {
    // The order turns every round; the first, shorter one only warms up.
    for (const each of round % 2 === 0 ? measured : measured.toReversed()) {
      const rate = await rateOf(each.verify, round < 0 ? milliseconds / 2 : milliseconds)
      if (round >= 0) each.rates.push(rate)
    }
  }
  const base = measured[0]?.rates ?? []
  const ratioBy = (rates: Rate[], by: keyof Rate) =>
    median(rates.map((rate, round) => rate[by] / (base[round]?.[by] ?? NaN)))
  return measured.map(({ what, rates }) => ({
    algorithm,
    what,
    tokensPerSecond: Math.round(median(rates.map(({ perSecond }) => perSecond))),
    ratio: ratioBy(rates, 'perSecond'),
    cpuRatio: ratioBy(rates, 'perCpuSecond'),
  }))
}

async function rateOf(verify: () => Promise<unknown>, milliseconds: number): Promise<Rate> {
  const start = performance.now()
  const cpuBefore = process.cpuUsage()
  let done = 0
  while (performance.now() - start < milliseconds) {
    await Promise.all(Array.from({ length: CONCURRENCY }, verify))
    done += CONCURRENCY
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond: (done / (performance.now() - start)) * 1e3, perCpuSecond: (done / (user + system)) * 1e6 }
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

/** Keys, and a feed with entries of every kind, none of which is about the token. */
async function startIssuer(
  alg: string,
): Promise<{ url: string; token: string; key: CryptoKey; stop(): Promise<void> }> {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  const keys = [{ ...(await exportJWK(publicKey)), alg, use: 'sig', kid: 'bench' }]
  const until = Math.floor(Date.now() / 1000) + 3600
  const kinds = ['jti', 'sid', 'sub', 'client_id', 'kid']
  const entries = Array.from({ length: ENTRIES }, (_, index) => ({
    id: String(index),
    kind: kinds[index % kinds.length],
    hash: createHash('sha256').update(randomUUID()).digest('base64url'),
    issued_before: until,
    expires_at: until,
  }))
  const documents: Record<string, (url: string) => unknown> = {
    '/.well-known/openid-configuration': (url) => ({ issuer: url, jwks_uri: `${url}/jwks` }),
    '/jwks': () => ({ keys }),
    '/blacklist/feed': () => ({ cursor: String(ENTRIES), entries, removed: [] }),
  }
  let url = ''
  const server = createServer((request, response) => {
    const document = documents[(request.url ?? '').split('?')[0] ?? '']
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document?.(url) ?? {}))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = await new SignJWT({ client_id: 'bench', scope: 'demo:read', sid: randomUUID(), jti: randomUUID() })
    .setProtectedHeader({ alg, kid: 'bench', typ: 'at+jwt' })
    .setIssuer(url)
    .setSubject('ada')
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey)
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
  return { url, token, key: publicKey, stop }
}

/** Prints the table. */
export async function main(options?: BenchOptions): Promise<void> {
  console.log(`${CONCURRENCY} verifications under way at once, ${ENTRIES} entries on the blacklist, medians\n`)
  console.log('| algorithm | work | tokens/s | ratio to jose.jwtVerify | ratio by processor time |')
  console.log('|---|---|---:|---:|---:|')
  for (const { algorithm, what, tokensPerSecond, ratio, cpuRatio } of await measureVerify(options))
    console.log(`| ${algorithm} | ${what} | ${tokensPerSecond} | ${ratio.toFixed(2)} | ${cpuRatio.toFixed(2)} |`)
}

if (import.meta.main) await main()
