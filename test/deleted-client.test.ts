/**
 * A client that was deleted is gone: what it asked for while it was being deleted is accepted by nobody, here or by a
 * verifier that follows the blacklist. Another client may take its id at once: it inherits nothing, and loses nothing.
 */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { postgresOfRun } from '../harness/folder.ts'
import { EVERYBODY } from './support/acceptance.ts'
import { grantTokens, refresh, SUBJECT_GRANT, tokens } from './support/admin.ts'
import { basic, post, request, type Answer } from './support/client.ts'
import {
  askSigned,
  createAnew,
  hold,
  MONTH,
  scene,
  setTtl,
  signingMetadata,
  tokenIn,
  type Held,
  type Scene,
} from './support/race.ts'
import { refusal } from './support/shared.ts'
import { holdWriteLock, untilBegun } from './support/write-lock.ts'

/** Asks for a token that is bound to a key, whose proof has a one-time id that is a write. */
async function askBound({ issuer, shop }: Scene): Promise<Answer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jti = crypto.randomUUID()
  const proof = await new SignJWT({ htm: 'POST', htu: `${issuer.issuer}/token`, jti })
    .setIssuedAt(Math.floor(issuer.clock.now() / 1000))
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
    .sign(privateKey)
  const headers = { ...basic(shop), dpop: proof }
  return request(`${issuer.url}/token`, { headers, form: { grant_type: 'client_credentials' } })
}

const asksFor = (form: Record<string, string>) => (it: Scene) => post(it.issuer, '/token', form, it.shop)

/** Every way in which a client comes to a token. */
const ASKINGS: [string, (scene: Scene, held: Held) => Promise<Answer>][] = [
  ['in its own name', asksFor({ grant_type: 'client_credentials' })],
  ['with a grant', asksFor({ grant_type: 'client_credentials', scope: 'read offline_access' })],
  ['in the name of a person', asksFor({ grant_type: SUBJECT_GRANT, subject: 'ada' })],
  [
    'in the name of a person, with a grant,',
    asksFor({ grant_type: SUBJECT_GRANT, subject: 'ada', scope: 'read offline_access' }),
  ],
  // On PostgreSQL the one-time id does not wait for the lock, so there is a token, and the verifier asks for its proof first.
  ...(postgresOfRun === undefined ? ([['bound to a key', askBound]] satisfies [string, typeof askBound][]) : []),
  ['by refreshing', ({ issuer, shop }, { newest }) => refresh(issuer, shop, newest)],
]

const deleteShop = ({ issuer }: Scene): Promise<Answer> => issuer.operator.call('DELETE', '/admin/api/clients/shop')

/** Deletes the client, and has a token asked for while the deletion waits to be written, some seconds later. */
async function askWhileDeleted(it: Scene, asking: () => Promise<Answer>): Promise<Answer> {
  const lock = await holdWriteLock(it.issuer)
  const deleting = deleteShop(it)
  await untilBegun(it.issuer)
  it.issuer.clock.advance(3)
  const asked = asking()
  await untilBegun(it.issuer)
  lock.release()
  expect((await deleting).status).toBe(204)
  return asked
}

/** No token of the client that was deleted is accepted, be there another one of its id or not. */
async function expectNothingLeft(it: Scene, answer: Answer): Promise<void> {
  const token = tokenIn(answer)
  if (token === undefined) return
  expect(await it.acceptors.of(token), 'after the deletion').toEqual([])
  const anew = await createAnew(it)
  expect(await it.acceptors.everOf(token), 'after another client took the id').toEqual([])
  if (answer.body.refresh_token !== undefined)
    expect((await refresh(it.issuer, anew, answer.body.refresh_token)).status).toBe(400)
}

test.each(ASKINGS)('a token asked for %s while the client is being deleted is accepted by nobody', async (_, ask) => {
  const it = await scene({ refresh_grace: 0 })
  const held = await hold(it)
  await expectNothingLeft(it, await askWhileDeleted(it, () => ask(it, held)))
})

test('a grant asked for while the client is being deleted is refused, and not put off', async () => {
  const it = await scene()
  const form = { grant_type: SUBJECT_GRANT, subject: 'ada', scope: 'read offline_access' }
  expect(refusal(await askWhileDeleted(it, () => asksFor(form)(it)))).toBe('401 invalid_client')
})

test('a token asked for by a signed assertion while the client is being deleted is accepted by nobody', async () => {
  const { key, metadata } = await signingMetadata()
  const it = await scene(metadata)
  const asking = () => askSigned(it, { clientId: 'shop', key })
  expect((await asking()).status).toBe(200)
  await expectNothingLeft(it, await askWhileDeleted(it, asking))
})

test('a token that waits for the reservation of its key while the client is deleted is accepted by nobody', async () => {
  const it = await scene()
  await setTtl(it, MONTH)
  await expectNothingLeft(it, await askWhileDeleted(it, () => askAs(it)))
})

const askAs = ({ issuer, shop }: Scene, client = shop): Promise<Answer> =>
  post(issuer, '/token', { grant_type: 'client_credentials' }, client)

test('a request of the client that was deleted gets nothing of the one that takes its id', async () => {
  const it = await scene()
  const { operator } = it.issuer
  const lock = await holdWriteLock(it.issuer)
  const deleting = deleteShop(it)
  await untilBegun(it.issuer)
  const creating = createAnew(it)
  await untilBegun(it.issuer)
  const asked = post(
    it.issuer,
    '/token',
    { grant_type: SUBJECT_GRANT, subject: 'eve', scope: 'read offline_access' },
    it.shop,
  )
  await untilBegun(it.issuer)
  lock.release()
  expect((await deleting).status).toBe(204)
  await creating
  const token = tokenIn(await asked)
  if (token !== undefined) expect(await it.acceptors.everOf(token)).toEqual([])
  expect((await operator.call('GET', '/admin/api/grants?client_id=shop')).body).toEqual([])
})

test.each([1, 2, 3])(
  'a client that takes an id at once after its deletion has good tokens from the first on (%i)',
  async () => {
    const it = await scene()
    const old = (await tokens(it.issuer, it.shop)).access_token ?? ''
    await deleteShop(it)
    const anew = await createAnew(it)
    const first = (await tokens(it.issuer, anew)).access_token ?? ''
    const granted = (await grantTokens(it.issuer, anew, 'ada')).access_token ?? ''
    expect(await it.acceptors.of(first)).toEqual(EVERYBODY)
    expect(await it.acceptors.of(granted)).toEqual(EVERYBODY)
    expect(await it.acceptors.of(old)).toEqual([])
    it.issuer.clock.advance(600)
    expect(await it.acceptors.of(first)).toEqual(EVERYBODY)
    expect(await it.acceptors.everOf(old)).toEqual([])
  },
)

test('a client that takes an id at once gets a grant with its first request, and leaves no other behind', async () => {
  const it = await scene()
  await grantTokens(it.issuer, it.shop, 'ada')
  await deleteShop(it)
  const anew = await createAnew(it)
  const first = await grantTokens(it.issuer, anew, 'ada')
  expect(await it.acceptors.of(first.access_token ?? '')).toEqual(EVERYBODY)
  expect((await refresh(it.issuer, anew, first.refresh_token ?? '')).status).toBe(200)
  expect((await it.issuer.operator.call('GET', '/admin/api/grants?client_id=shop')).body).toHaveLength(1)
})

test('an id that changes hands again and again leaves nothing of those before', async () => {
  const it = await scene()
  let client = it.shop
  const left: string[] = []
  for (let round = 0; round < 3; round++) {
    left.push((await tokens(it.issuer, client)).access_token ?? '')
    await deleteShop(it)
    client = await createAnew(it)
  }
  const last = (await tokens(it.issuer, client)).access_token ?? ''
  expect(await it.acceptors.of(last)).toEqual(EVERYBODY)
  for (const token of left) expect(await it.acceptors.of(token)).toEqual([])
})
