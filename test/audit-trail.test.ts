/** The audit trail: every change is in it, with its actor and its request, for as long as it is kept. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  operatorOf,
  startAdministered,
} from './support/admin.ts'
import { at, ask, send, items, walk } from './support/admin-api.ts'
import { bearer, claimsOf, post, request, type Answer } from './support/client.ts'

test('every change is in the audit trail with who did it and the request it came by', async () => {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api')
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] })
  const held = await grantTokens(issuer, shop, 'ada')
  const sid = claimsOf(held.access_token ?? '').sid
  const { kid } = items(await ask(issuer, 'keys')).find(({ status, alg }) => status === 'next' && alg === 'RS256') ?? {}
  const entry = (await issuer.operator.call('POST', '/blacklist', { sub: 'grace' })).body.id
  const changes: [string, string, () => Promise<Answer>][] = [
    ['client.created', 'other', () => send(issuer, 'POST', 'clients', { client_id: 'other' })],
    ['client.updated', 'other', () => send(issuer, 'PATCH', 'clients/other', { scope: 'x' })],
    ['client.secret_rotated', 'other', () => send(issuer, 'POST', 'clients/other/rotate-secret')],
    ['client.disabled', 'other', () => send(issuer, 'POST', 'clients/other/disable')],
    ['client.enabled', 'other', () => send(issuer, 'POST', 'clients/other/enable')],
    ['client.deleted', 'other', () => send(issuer, 'DELETE', 'clients/other')],
    ['resource.created', 'second', () => send(issuer, 'POST', 'resources', { id: 'second' })],
    ['resource.updated', 'second', () => send(issuer, 'PATCH', 'resources/second', { ttl: 60 })],
    ['resource.deleted', 'second', () => send(issuer, 'DELETE', 'resources/second')],
    ['key.rotated', '', () => send(issuer, 'POST', 'keys/rotate', { alg: 'ES256' })],
    ['key.revoked', kid, () => send(issuer, 'POST', `keys/${kid}/revoke`)],
    ['grant.ended', sid, () => send(issuer, 'DELETE', `grants/${sid}`)],
    ['blacklist.added', '', () => send(issuer, 'POST', 'users/ada/disable')],
    ['blacklist.removed', '', () => send(issuer, 'POST', 'users/ada/enable')],
    ['blacklist.added', '', () => issuer.operator.call('POST', '/blacklist', { client_id: 'shop' })],
    ['blacklist.removed', entry, () => issuer.operator.call('DELETE', `/blacklist/${entry}`)],
  ]
  for (const [action, target, change] of changes) {
    const answer = await change()
    expect(answer.status, answer.text).toBeLessThan(300)
    const requestId = answer.headers.get('x-request-id') ?? ''
    const events = items(await ask(issuer, `audit?request_id=${requestId}`))
    expect(events, action).toHaveLength(1)
    expect(events[0]).toMatchObject({ action, actor: 'operator', request_id: requestId })
    if (target !== '') expect(events[0]?.target).toBe(target)
    expect(Math.abs(Date.parse(events[0]?.at) - issuer.clock.now())).toBeLessThan(5000)
  }
})

test('a refused change leaves no trace of a change; a refused login is noted', async () => {
  const issuer = await startAdministered()
  const shop = await createClient(issuer.operator, { client_id: 'shop' })
  const before = items(await ask(issuer, 'audit')).length
  await send(issuer, 'POST', 'clients', { client_id: 'shop' })
  await send(issuer, 'POST', 'clients', { grant_types: ['password'] })
  await send(issuer, 'DELETE', 'clients/unknown')
  await send(issuer, 'POST', 'keys/unknown/revoke')
  expect(items(await ask(issuer, 'audit'))).toHaveLength(before)
  const failed = await post(issuer, '/token', { grant_type: 'client_credentials' }, { ...shop, secret: 'sgs_wrong' })
  const [event] = items(await ask(issuer, 'audit?target=shop'))
  expect(event).toMatchObject({ action: 'client.wrong_secret', request_id: failed.headers.get('x-request-id') })
})

test('who acted is the client behind the token, never what a body or header says', async () => {
  const issuer = await startAdministered()
  const second = operatorOf(issuer, await createClient(issuer.operator, { client_id: 'second', scope: 'signet:admin' }))
  const answer = await request(issuer.url + at('clients'), {
    headers: { ...bearer(await second.token()), 'x-request-id': 'mine', 'x-forwarded-user': 'operator' },
    json: { client_id: 'made' },
  })
  expect(answer.headers.get('x-request-id')).not.toBe('mine')
  expect(items(await ask(issuer, 'audit?target=made'))[0]).toMatchObject({ actor: 'second', action: 'client.created' })
})

test('the audit trail is kept for SIGNET_AUDIT_RETENTION and no longer', async () => {
  sweepSoon()
  const issuer = await startAdministered({ SIGNET_AUDIT_RETENTION: '1h' })
  await createClient(issuer.operator, { client_id: 'shop' })
  const ofShop = async () => items(await ask(issuer, 'audit?target=shop')).map(({ action }) => action)
  issuer.clock.advance(3540)
  await createClient(issuer.operator, { client_id: 'later' })
  await pause(500)
  expect(await ofShop()).toEqual(['client.created'])
  issuer.clock.advance(120)
  await vi.waitFor(async () => expect(await ofShop()).toEqual([]), { timeout: 5000 })
  expect(items(await ask(issuer, 'audit?target=later'))).toHaveLength(1)
})

/** Lets timers of a minute, or of as many minutes as there are replicas, fire soon. */
function sweepSoon(): void {
  const later = globalThis.setTimeout
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
    work: (...args: unknown[]) => void,
    delay = 0,
    ...args: unknown[]
  ) => later(work, delay > 50_000 && delay < 150_000 ? 100 : delay, ...args)) as typeof later)
  onTestFinished(() => void vi.restoreAllMocks())
}

test('the audit trail is newest first and paged by Link', async () => {
  const issuer = await startAdministered()
  for (let number = 0; number < 6; number++) await createClient(issuer.operator, { client_id: `client-${number}` })
  const { pages, rows } = await walk(issuer, 'audit?limit=4')
  expect(pages).toBeGreaterThan(1)
  const created = rows.filter(({ action }) => action === 'client.created').map(({ target }) => target)
  expect(created.slice(0, 6)).toEqual([5, 4, 3, 2, 1, 0].map((number) => `client-${number}`))
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
})
