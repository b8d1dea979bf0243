/**
 * Every parameter that `/openapi.json` describes, with every hostile value: the request is refused in good order, or
 * served; it is never a defect, never reflected, and changes nothing for others.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { HOSTILE_VALUES, type Hostile } from '../harness/hostile.ts'
import { parseRaw, rawHeader, sendRaw, type RawAnswer } from '../harness/raw.ts'
import { createClient, createResource, grantTokens, tokens } from './support/admin.ts'
import { claimsOf, post, request } from './support/client.ts'
import { slotsOf, type Slot } from './support/described-slots.ts'
import { canHold, hostileRequest, type HostileScene } from './support/hostile-requests.ts'
import { registered, shareWithApi } from './support/shared.ts'

// Refresh tokens that are used stay good, since their successors are not used.
const issuer = shareWithApi({
  SIGNET_REFRESH_GRACE: '1h',
  SIGNET_RATE_LIMIT_CLIENT: 'off',
  SIGNET_RATE_LIMIT_NETWORK: 'off',
})

/** Few: a wrong secret keeps a core busy for 25 ms, and a write waits for its turn for two seconds at most. */
const AT_ONCE = 3
const SUBJECT_GRANT = 'urn:signet:params:oauth:grant-type:subject'
const GRANTS = ['client_credentials', 'refresh_token', SUBJECT_GRANT]

/** RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 7591 §3.2.2, RFC 8628 §3.5, RFC 8707 §2, RFC 9449 §12.2. */
const REGISTERED = new Set(
  `invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope
   temporarily_unavailable invalid_token insufficient_scope unsupported_token_type invalid_redirect_uri
   invalid_client_metadata slow_down invalid_target invalid_dpop_proof use_dpop_nonce`.split(/\s+/),
)

interface Trial {
  slot: Slot
  hostile: Hostile
  /** By which the value is found in an answer. */
  mark: string
}

let scene: HostileScene
let trials: Trial[]
beforeAll(async () => {
  scene = await setUp()
  const { text } = await request(`${issuer().url}/openapi.json`)
  trials = slotsOf(text).flatMap(trialsOf)
})

async function setUp(): Promise<HostileScene> {
  const { operator } = issuer()
  const like = { grant_types: GRANTS, allowed_claims: ['email'], scope: 'read write' }
  const app = await registered(issuer(), like)
  const poster = await registered(issuer(), { ...like, token_endpoint_auth_method: 'client_secret_post' })
  const other = await registered(issuer(), like)
  await createClient(operator, { client_id: 'decoy' })
  await createResource(operator, 'decoy-api', { scope: 'read' })
  const [own, foreign] = [await grantTokens(issuer(), app), await grantTokens(issuer(), other)]
  await grantTokens(issuer(), app, 'ada')
  const entry = await operator.call('POST', '/blacklist', { sub: 'nobody' })
  const { access_token: token = '', refresh_token = '' } = foreign
  const { jti, sid } = claimsOf(token)
  return {
    app,
    poster,
    administrator: await operator.token(),
    good: { scope: 'read', resources: ['api'], refresh_token: own.refresh_token, token: own.access_token },
    ids: {
      clients: 'decoy',
      resources: 'decoy-api',
      grants: sid,
      users: 'ada',
      blacklist: entry.body.id,
      jwks: 'api',
      docs: 'swagger-ui.css',
    },
    others: {
      client_id: other.clientId,
      client_secret: other.secret,
      refresh_token,
      token,
      jti,
      sid,
      sub: other.clientId,
      subject: other.clientId,
      Authorization: `Basic ${Buffer.from(`${other.clientId}:${other.secret}`).toString('base64')}`,
    },
  }
}

let marks = 100_000_000

function trialsOf(slot: Slot): Trial[] {
  const others = scene.others[slot.name]
  const values = [
    ...HOSTILE_VALUES,
    ...(others === undefined ? [] : [{ name: "another client's", bytes: () => others }]),
  ]
  return values
    .filter((hostile) => canHold(slot, hostile))
    .map((hostile) => ({ slot, hostile, mark: `zq${marks++}qz` }))
}

test('every parameter of every endpoint, with every hostile value, is refused in good order or served', async () => {
  expect(trials.length).toBeGreaterThan(2000)
  const { faults, served } = await tryAll(issuer().port, trials)
  expect(faults).toEqual([])
  expect(served).toBeGreaterThan(100)
  // No prototype, record or process was changed by the requests.
  expect(await tokens(issuer(), scene.app, { scope: 'read' })).toHaveProperty('access_token')
  expect((await post(issuer(), '/introspect', { token: scene.others.token ?? '' }, scene.app)).status).toBe(200)
})

test('a server that echoes the request with status 500 is found out at each of them', async () => {
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on('end', () => outgoing.writeHead(500).end(decodeURIComponent(incoming.url ?? '')))
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
  const unknown = trials.filter(({ slot, hostile }) => slot.in === 'query' && hostile.name === 'unknown')
  const { faults } = await tryAll(port, unknown)
  expect(unknown.length).toBeGreaterThan(0)
  for (const fault of ['5xx', 'reflected', 'no registered error', 'may be stored'])
    expect(faults.filter((each) => each.startsWith(`${fault}: `))).toHaveLength(unknown.length)
})

async function tryAll(port: number, all: Trial[]): Promise<{ faults: string[]; served: number }> {
  const faults: string[] = []
  let served = 0
  const waiting = all.values()
  const work = async (): Promise<void> => {
    for (const trial of waiting) {
      const answer = parseRaw(await sendRaw(port, hostileRequest(trial.slot, trial.hostile, trial.mark, scene)))
      if (answer && answer.status < 400) served++
      for (const fault of faultsOf(trial, answer)) faults.push(`${fault}: ${describeTrial(trial, answer)}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { faults, served }
}

function faultsOf({ slot, mark }: Trial, answer: RawAnswer | undefined): string[] {
  if (!answer) return ['unanswered']
  const { status, head, body } = answer
  const { isPublic, isForClients, method } = slot.operation
  const isServed = status < 400
  // An administrator who makes or reads a record gets its content.
  const isRecord = isServed && !isPublic && !isForClients
  const mayBeStored = isPublic && isServed && method === 'GET'
  const found: string[] = []
  if (status >= 500) found.push('5xx')
  if (!isRecord && (head + body).includes(mark)) found.push('reflected')
  if (!isServed && !hasRegisteredError(body)) found.push('no registered error')
  if (!mayBeStored && rawHeader(answer, 'cache-control') !== 'no-store') found.push('may be stored')
  if (rawHeader(answer, 'x-injected') !== undefined) found.push('header injected')
  return found
}

function hasRegisteredError(body: string): boolean {
  try {
    const { error, error_description: description } = JSON.parse(body) as Record<string, unknown> // null throws
    return typeof error === 'string' && REGISTERED.has(error) && typeof description === 'string'
  } catch {
    return false
  }
}

const describeTrial = ({ slot, hostile }: Trial, answer: RawAnswer | undefined): string =>
  `${slot.operation.method} ${slot.operation.path}, ${slot.in} ${slot.name} ${hostile.name}: ` +
  (answer ? `${answer.status} ${answer.body.slice(0, 120)}` : 'no answer')
