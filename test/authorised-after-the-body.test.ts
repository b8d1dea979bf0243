/**
 * A request whose last byte comes after its caller lost the right to act: the answer is 401 and nothing is done. It
 * holds for every route that takes a body; the list is the service's own.
 */
import { connect, type Socket } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { takesBody, type Route } from '../src/http/route.ts'
import { basic, bearer, request } from './support/client.ts'
import { createClient } from './support/admin.ts'
import { readRoutes } from './support/routes.ts'
import { auditOf, fresh, refusal, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()
let routes: Route[] = []

beforeAll(async () => {
  routes = (await readRoutes()).filter(takesBody)
})

const FORM = 'application/x-www-form-urlencoded'

/** A request whose last byte is still to come. */
interface Parked {
  release(): Promise<{ status: number; body: Record<string, unknown> }>
}

/** Sends everything but the last byte, and waits until the server reads the body. */
async function park(
  { method, path }: { method: string; path: string },
  headers: Record<string, string>,
  body: string,
): Promise<Parked> {
  const socket = connect(issuer().port, '127.0.0.1')
  const answered = read(socket)
  const all = { host: 'x', ...headers, 'content-length': body.length, expect: '100-continue', connection: 'close' }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const goAhead = new Promise((arrived) => socket.once('data', arrived))
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  await goAhead
  socket.write(body.slice(0, -1))
  return {
    async release() {
      socket.write(body.slice(-1))
      const [head = '', text = ''] = (await answered).replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '').split('\r\n\r\n')
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
      return { status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
    },
  }
}

const read = (socket: Socket): Promise<string> =>
  new Promise((done, fail) => {
    let got = ''
    socket.on('data', (chunk) => (got += chunk.toString('latin1')))
    socket.on('close', () => done(got))
    socket.on('error', fail)
  })

const pathOf = (path: string, id: string): string => path.replaceAll(/:\w+/g, encodeURIComponent(id))

describe('with an access token', () => {
  const scoped = () => routes.filter(({ access }) => access.kind === 'scope')

  test('there are such routes', () => {
    expect(scoped().map(({ about }) => about.id)).toEqual(
      expect.arrayContaining(['addBlacklistEntry', 'createClient', 'rotateClientSecret', 'rotateKeys']),
    )
  })

  test.each([
    ['revoked', async (token: string) => issuer().operator.call('POST', '/blacklist', { token })],
    [
      'of a client that is disabled',
      async (_token: string, clientId: string) =>
        issuer().operator.call('POST', `/admin/api/clients/${clientId}/disable`),
    ],
    [
      'of a client that is deleted',
      async (_token: string, clientId: string) => issuer().operator.call('DELETE', `/admin/api/clients/${clientId}`),
    ],
  ])('that is %s meanwhile: 401, and nothing is done', async (_, end) => {
    const target = await registered(issuer())
    for (const route of scoped()) {
      const thief = await createClient(issuer().operator, {
        client_id: fresh('thief'),
        resources: [issuer().issuer],
        scope: 'signet:admin',
      })
      const { body } = await request(`${issuer().url}/token`, {
        form: { grant_type: 'client_credentials' },
        headers: basic(thief),
      })
      const at = { method: route.method, path: pathOf(route.path, target.clientId) }
      const headers = { ...bearer(body.access_token), 'content-type': 'application/json' }
      const parked = await park(at, headers, JSON.stringify(route.about.example ?? {}))
      expect((await end(body.access_token, thief.clientId)).status).toBeLessThan(300)
      const answer = await parked.release()
      expect({ route: route.about.id, status: answer.status }).toEqual({ route: route.about.id, status: 401 })
      expect(answer.body.error).toBe('invalid_token')
      expect(await doneBy(thief.clientId)).toEqual([])
    }
    expect(await auditOf(issuer(), target.clientId)).toEqual(['client.created'])
  })

  test('that stays good: the act is done', async () => {
    const { operator } = issuer()
    const headers = { ...bearer(await operator.token()), 'content-type': 'application/json' }
    const parked = await park({ method: 'POST', path: '/blacklist' }, headers, JSON.stringify({ sub: fresh('ada') }))
    expect((await parked.release()).status).toBe(201)
  })
})

describe('with client credentials', () => {
  test('of a client that is disabled meanwhile: 401', async () => {
    const forms = routes.filter(({ access }) => access.kind === 'client')
    expect(forms.map(({ path }) => path).sort()).toEqual(['/introspect', '/refresh', '/revoke', '/token'])
    for (const { method, path, about } of forms) {
      const client = await registered(issuer())
      const [example] = Object.values(about.examples ?? {})
      const form = new URLSearchParams(example?.value).toString()
      const parked = await park({ method, path }, { ...basic(client), 'content-type': FORM }, form)
      await issuer().operator.call('POST', `/admin/api/clients/${client.clientId}/disable`)
      const answer = await parked.release()
      expect(`${path} ${answer.status} ${String(answer.body.error)}`).toBe(`${path} 401 invalid_client`)
    }
  })
})

test('a body without a good token is read no further than its bound', async () => {
  const answer = await request(`${issuer().url}/admin/api/clients`, {
    json: { client_name: 'x'.repeat(70_000) },
    headers: bearer('nonsense'),
  })
  expect(refusal(answer)).toBe('413 invalid_request')
})

/** Actions of an actor in the audit trail. */
async function doneBy(actor: string): Promise<string[]> {
  const { body } = await issuer().operator.call('GET', '/admin/api/audit?limit=1000')
  const events = body as unknown as { actor: string; action: string }[] // the answer is a list
  return events.filter((event) => event.actor === actor).map(({ action }) => action)
}
