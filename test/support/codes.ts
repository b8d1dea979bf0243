/** A person who signs in to a client through the pages, and the tokens that the client gets for it. */
import { randomBytes } from 'node:crypto'
import type { AdministeredIssuer } from './admin.ts'
import { answerOf, type BrowserLike } from './browser-like.ts'
import { post, type Answer, type Credentials } from './client.ts'
import type { TestIssuer } from './issuer.ts'
import {
  CALLBACK,
  PASSWORD,
  VERIFIER,
  addPerson,
  authorizePath,
  browserAt,
  signInAt,
  type TestPerson,
} from './people.ts'
import type { Store } from '../../src/store/store.ts'
import { createClient } from './admin.ts'

/** Every scope that tells of the person, and a refresh token. */
const ALL_SCOPES = 'openid profile email phone address groups offline_access'

let named = 0
export const freshName = (name: string): string => `${name}-${++named}-${randomBytes(3).toString('hex')}`

/** A client with a secret that people sign in to. Metadata of a test wins. */
export const addClient = (
  { operator }: AdministeredIssuer,
  metadata: Record<string, unknown> = {},
): Promise<Credentials> =>
  createClient(operator, {
    client_id: freshName('app'),
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [CALLBACK],
    scope: ALL_SCOPES,
    ...metadata,
  })

export const addUser = (store: Store, person: Partial<TestPerson> = {}) =>
  addPerson(store, { username: freshName('ada'), ...person })

/** A browser in which the person is signed in to the client, and a code of it. */
export async function signIn(
  issuer: TestIssuer,
  { clientId }: Credentials,
  { username }: { username: string },
  request: Record<string, string | undefined> = {},
): Promise<{ browser: BrowserLike; code: string }> {
  const browser = browserAt(issuer)
  const path = authorizePath(clientId, { scope: ALL_SCOPES, ...request })
  const { code, error, error_description } = answerOf(await signInAt(browser, path, { username, password: PASSWORD }))
  if (code === undefined) throw new Error(`no code: ${error} ${error_description}`)
  return { browser, code }
}

/** Another code in a browser where the person is signed in. */
export async function nextCode(
  browser: BrowserLike,
  { clientId }: Credentials,
  request: Record<string, string | undefined> = {},
): Promise<string> {
  const seen = await browser.get(authorizePath(clientId, { scope: ALL_SCOPES, ...request }))
  const { code, error, error_description } = answerOf(seen)
  if (code === undefined) throw new Error(`no code: ${error} ${error_description} ${seen.html.slice(0, 300)}`)
  return code
}

/** The form of a redemption; `undefined` leaves a parameter out. */
export function codeForm(code: string, more: Record<string, string | undefined> = {}): Record<string, string> {
  const all = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER, ...more }
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]])),
  )
}

export const redeem = (
  issuer: { url: string },
  client: Credentials,
  code: string,
  more: Record<string, string | undefined> = {},
): Promise<Answer> => {
  const isPublic = client.secret === ''
  const form = codeForm(code, { ...(isPublic && { client_id: client.clientId }), ...more })
  return post(issuer, '/token', form, isPublic ? undefined : client)
}

/** Signs in and redeems the code; anything but 200 fails the test. */
export async function tokensOf(
  issuer: TestIssuer,
  client: Credentials,
  person: { username: string },
  request: Record<string, string | undefined> = {},
): Promise<Record<string, any> & { browser: BrowserLike }> {
  const { browser, code } = await signIn(issuer, client, person, request)
  const { status, body, text } = await redeem(issuer, client, code)
  if (status !== 200) throw new Error(text)
  return { ...body, browser }
}
