/**
 * Whatever happens to the key ring, in whatever order: each algorithm has exactly one active and one next
 * key, every live token verifies against the key set unless its key was revoked, and then it never does.
 */
import * as fc from 'fast-check'
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet } from 'jose'
import { expect, test } from 'vitest'
import {
  createClient,
  createResource,
  isActive,
  startAdministered,
  startReplica,
  tokens,
  until,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { claimsOf, headerOf, post, request, type Credentials } from '../support/client.ts'
import { movableClock, type TestIssuer } from '../support/issuer.ts'
import { assertAll } from '../support/property.ts'

type Algorithm = 'ES256' | 'RS256'
const ALGORITHMS: readonly Algorithm[] = ['ES256', 'RS256']
const PREPUBLISH = 3600
/** Skew, and how far signing is reserved ahead. */
const MOST_AFTER_END = 60 + 600 + 10

interface Ring {
  active: string
  next: string
  /** Since when the two are published, in seconds. */
  activeSince: number
  nextSince: number
}

/** The expected ring, by the acts on it. */
interface Model {
  rings: Record<Algorithm, Ring>
  revoked: Set<string>
  minted: { token: string; kid: string; exp: number }[]
}

interface Real {
  issuer: AdministeredIssuer
  replica: TestIssuer
  client: Credentials
}

interface KeyView {
  kid: string
  alg: Algorithm
  status: string
  created_at: string
}

const now = ({ issuer }: Real): number => issuer.clock.now() / 1000
const publishedAt = ({ url }: { url: string }) => request(`${url}/.well-known/jwks.json`)
const listKeys = async ({ issuer }: Real): Promise<KeyView[]> =>
  (await issuer.operator.call('GET', '/admin/api/keys')).body as unknown as KeyView[]

/** The one key of a status; the first half of the invariant. */
function only(keys: KeyView[], alg: Algorithm, status: string): KeyView {
  const found = keys.filter((key) => key.alg === alg && key.status === status)
  expect(found, `${status} ${alg}`).toHaveLength(1)
  return found[0] as KeyView // counted the line before
}

const ringOf = (keys: KeyView[], alg: Algorithm): Ring => {
  const [active, next] = [only(keys, alg, 'active'), only(keys, alg, 'next')]
  const since = ({ created_at: at }: KeyView) => Date.parse(at) / 1000
  return { active: active.kid, next: next.kid, activeSince: since(active), nextSince: since(next) }
}

/** Both halves of the invariant, by listing, by the key set and by introspection. */
async function requireInvariant(model: Model, real: Real): Promise<void> {
  const keys = await listKeys(real)
  for (const alg of ALGORITHMS) {
    expect(only(keys, alg, 'active').kid).toBe(model.rings[alg].active)
    expect(only(keys, alg, 'next').kid).toBe(model.rings[alg].next)
  }
  const { body, text } = await publishedAt(real.issuer)
  expect(Buffer.byteLength(text)).toBeLessThan(16_384)
  const published = new Set(body.keys.map(({ kid }: { kid: string }) => kid))
  for (const { active, next } of Object.values(model.rings))
    expect([active, next].every((kid) => published.has(kid))).toBe(true)
  for (const kid of model.revoked) expect(published.has(kid)).toBe(false)

  model.minted = model.minted.filter(({ exp }) => exp > now(real) + 2)
  const keySet = createLocalJWKSet(body as unknown as JSONWebKeySet)
  for (const { token, kid } of model.minted) {
    const verified = jwtVerify(token, keySet, { currentDate: new Date(real.issuer.clock.now()) })
    if (model.revoked.has(kid)) await expect(verified).rejects.toBeInstanceOf(errors.JWKSNoMatchingKey)
    else expect((await verified).protectedHeader.kid).toBe(kid)
  }
  const sample = model.minted.at(-1)
  if (sample) expect(await isActive(real.issuer, real.client, sample.token)).toBe(!model.revoked.has(sample.kid))
}

type Step = fc.AsyncCommand<Model, Real>

/** A step is what it does, and the invariant after it. */
const step = (text: string, act: (model: Model, real: Real) => Promise<void>): Step => ({
  check: () => true,
  run: async (model, real) => {
    await act(model, real)
    await requireInvariant(model, real)
  },
  toString: () => text,
})

const rotate = (alg: Algorithm, emergency: boolean): Step =>
  step(`rotate ${alg}${emergency ? ' in an emergency' : ''}`, async (model, real) => {
    const ring = model.rings[alg]
    const slack = 2 // between the model's look at the clock and the issuer's
    const age = now(real) - ring.nextSince
    const answer = await real.issuer.operator.call('POST', '/admin/api/keys/rotate', { alg, emergency })
    const isSafe = emergency || ring.nextSince <= ring.activeSince || age >= PREPUBLISH + slack
    if (isSafe) expect(answer.status, answer.text).toBe(200)
    else if (age < PREPUBLISH - slack) expect(answer.status, answer.text).toBe(409)
    if (answer.status !== 200) return
    const after = ringOf(await listKeys(real), alg)
    expect(after.active).toBe(ring.next)
    expect([ring.active, ring.next]).not.toContain(after.next)
    model.rings[alg] = after
  })

const revoke = (alg: Algorithm, status: string): Step =>
  step(`revoke the ${status} ${alg} key`, async (model, real) => {
    const ring = model.rings[alg]
    const doomed = (await listKeys(real)).find((key) => key.alg === alg && key.status === status)
    if (!doomed) return
    const answer = await real.issuer.operator.call('POST', `/admin/api/keys/${doomed.kid}/revoke`)
    expect(answer.status, answer.text).toBe(200)
    model.revoked.add(doomed.kid)
    const after = ringOf(await listKeys(real), alg)
    expect(after.active).toBe(status === 'active' ? ring.next : ring.active)
    if (status === 'retiring') expect(after.next).toBe(ring.next)
    else expect(after.next).not.toBe(ring.next)
    model.rings[alg] = after
  })

/** @param elsewhere by another process, which may be a moment behind */
const mint = (alg: Algorithm, long: boolean, elsewhere: boolean): Step =>
  step(`mint ${alg}${long ? ', long' : ''}${elsewhere ? ', by the replica' : ''}`, async (model, real) => {
    const { issuer, replica, client } = real
    if (elsewhere) await until(async () => (await publishedAt(replica)).text === (await publishedAt(issuer)).text, 1000)
    const resource = `${alg}-${long ? 'long' : 'short'}`
    const token = (await tokens(elsewhere ? replica : issuer, client, { resource })).access_token ?? ''
    const kid = String(headerOf(token).kid)
    expect(kid).toBe(model.rings[alg].active)
    model.minted.push({ token, kid, exp: claimsOf(token).exp })
  })

const pass = (seconds: number): Step =>
  step(`${seconds} s pass`, async (_model, { issuer }) => issuer.clock.advance(seconds))

const algorithm = fc.constantFrom(...ALGORITHMS)
const steps = [
  fc.tuple(algorithm, fc.boolean()).map((it) => rotate(...it)),
  fc.tuple(algorithm, fc.constantFrom('active', 'next', 'retiring')).map((it) => revoke(...it)),
  fc.tuple(algorithm, fc.boolean(), fc.boolean()).map((it) => mint(...it)),
  fc.constantFrom(30, 900, PREPUBLISH, 4 * PREPUBLISH, MOST_AFTER_END).map(pass),
]

test('whatever is rotated, revoked and minted, in whatever order, the ring stays whole and tokens verify exactly as long as they should', async () => {
  // All runs share an issuer: each goes on from the ring that the last one left.
  const issuer = await startAdministered({ SIGNET_KEY_PREPUBLISH: `${PREPUBLISH}s` }, { clock: movableClock() })
  const replica = await startReplica(issuer)
  for (const each of ALGORITHMS) {
    await createResource(issuer.operator, `${each}-short`, { alg: each })
    await createResource(issuer.operator, `${each}-long`, { alg: each, ttl: '3h' })
  }
  const resources = ALGORITHMS.flatMap((each) => [`${each}-short`, `${each}-long`])
  const client = await createClient(issuer.operator, { resources })
  await until(
    async () => (await post(replica, '/token', { grant_type: 'client_credentials' }, client)).status === 200,
    1000,
  )
  const real: Real = { issuer, replica, client }
  const model: Model = { rings: {} as Model['rings'], revoked: new Set(), minted: [] } // filled before every run

  await assertAll(
    fc.commands(steps, { maxCommands: 12 }),
    async (sequence) => {
      // Live tokens of earlier runs would fill the key set, so a run starts with no live token.
      issuer.clock.advance(4 * PREPUBLISH)
      model.minted = []
      const keys = await listKeys(real)
      for (const each of ALGORITHMS) model.rings[each] = ringOf(keys, each)
      await fc.asyncModelRun(() => ({ model, real }), sequence)
    },
    { interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false, numRuns: 200, endOnFailure: true },
  )
  expect(model.revoked.size).toBeGreaterThan(0)
})
