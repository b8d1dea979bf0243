/**
 * A grant can have ended while its access tokens are accepted: the quota of grants denies none, and the entry that ended it may
 * have been lifted. Whatever ends such a grant afterwards denies its tokens.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { isActive, until, type AdministeredIssuer } from '../support/admin.ts'
import { claimsOf, type Credentials } from '../support/client.ts'
import { addClient, addUser, nextCode, redeem, signIn } from '../support/codes.ts'
import { storeOf } from '../support/people.ts'
import { signet } from '../support/process.ts'
import { startWithApi } from '../support/shared.ts'
import type { Store } from '../../src/store/store.ts'

let issuer: AdministeredIssuer
let store: Store

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  const onEnd = (work: () => Promise<void> | void) => void ends.unshift(work)
  issuer = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_LIMIT_GRANTS: '1' }, { onEnd })
  store = await storeOf(issuer, onEnd)
  return async () => {
    for (const end of ends) await end()
  }
})

interface Granted {
  client: Credentials
  person: { id: string; username: string }
  browser: Awaited<ReturnType<typeof signIn>>['browser']
  code: string
  token: string
  session: string
}

async function granted(): Promise<Granted> {
  const client = await addClient(issuer)
  const person = await addUser(store)
  const { browser, code } = await signIn(issuer, client, person)
  const { body } = await redeem(issuer, client, code)
  return { client, person, browser, code, token: body.access_token, session: String(claimsOf(body.id_token).sid) }
}

const operator = (method: string, path: string, body?: Record<string, unknown>) =>
  issuer.operator.call(method, path, body)

async function postAndLift(entry: Record<string, unknown>): Promise<void> {
  const { body } = await operator('POST', '/blacklist', entry)
  expect((await operator('DELETE', `/blacklist/${body.id}`)).status).toBe(204)
}

/** Each leaves an access token that is accepted, of a grant that has ended. */
const BEFORE: [string, (granted: Granted) => Promise<void>][] = [
  ['the entry of its sid was lifted', ({ token }) => postAndLift({ sid: claimsOf(token).sid })],
  ['the entry of the person was lifted', ({ person }) => postAndLift({ sub: person.id })],
  [
    'another grant took its place',
    async ({ browser, client }) => {
      expect((await redeem(issuer, client, await nextCode(browser, client))).status).toBe(200)
    },
  ],
]

const ENDS: [string, (granted: Granted) => Promise<unknown>][] = [
  ['the end of the session', ({ session }) => operator('DELETE', `/admin/api/sessions/${session}`)],
  ['the end of all sessions', ({ person }) => signet(['session', 'end', '--user', person.username], issuer.env)],
  ['a second use of its code', ({ client, code }) => redeem(issuer, client, code)],
  [
    'a consent that is withdrawn',
    ({ person, client }) => operator('DELETE', `/admin/api/consents?user=${person.id}&client_id=${client.clientId}`),
  ],
  [
    'a disabled person, although enabled again',
    async ({ person }) => {
      await operator('POST', `/admin/api/users/${person.id}/disable`)
      await operator('POST', `/admin/api/users/${person.id}/enable`)
    },
  ],
  [
    'a client that gets the name of the person',
    ({ person }) => operator('POST', '/admin/api/clients', { client_id: person.id }),
  ],
  ['the end of every grant', () => signet(['grant', 'revoke', '--all', '--reason', 'restored'], issuer.env)],
]

describe.each(BEFORE)('a grant that had ended, where %s', (_, before) => {
  test.each(ENDS)('is ended whole by %s', async (__, end) => {
    const it = await granted()
    await before(it)
    expect(await isActive(issuer, it.client, it.token)).toBe(true)
    await end(it)
    await until(async () => !(await isActive(issuer, it.client, it.token)))
  })
})
