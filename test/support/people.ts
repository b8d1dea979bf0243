/** Persons for tests, put into the database of a running issuer, and a client that they sign in to. */
import { hash, randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { rememberingLog } from '../../harness/in-process.ts'
import { openDatabase } from '../../src/database.ts'
import { readConfig } from '../../src/index.ts'
import { BY_SYSTEM } from '../../src/audit.ts'
import { timeOrderedId } from '../../src/ground/ids.ts'
import { slowHash } from '../../src/ground/slow-hash.ts'
import type { Store } from '../../src/store/store.ts'
import { newTotpKeys } from '../../src/users/totp.ts'
import type { UserRecord } from '../../src/store/records/user.ts'
import type { AdministeredIssuer } from './admin.ts'
import { BrowserLike, type Seen } from './browser-like.ts'
import type { OnEnd, TestIssuer } from './issuer.ts'

/** Good enough for any rule of passwords. */
export const PASSWORD = 'correct horse battery staple 7'

const hashes = new Map<string, Promise<string>>()

/** Hashing takes its time: each password of the tests is hashed once in a process. */
const hashOnce = (password: string): Promise<string> => {
  const known = hashes.get(password) ?? slowHash(password)
  hashes.set(password, known)
  return known
}

/** A second look at the database of a running issuer. */
export async function storeOf(issuer: TestIssuer, onEnd: OnEnd = onTestFinished): Promise<Store> {
  const surroundings = { clock: issuer.clock, log: rememberingLog().log }
  const { store } = await openDatabase(readConfig(issuer.env), surroundings)
  onEnd(() => store.close())
  return store
}

/** The secrets of an authenticator app, sealed as the database keeps them. */
export async function sealedTotp(issuer: TestIssuer): Promise<string> {
  const surroundings = { clock: issuer.clock, log: rememberingLog().log }
  const { store, masterKeys } = await openDatabase(readConfig(issuer.env), surroundings)
  const sealed = await masterKeys.seal(await newTotpKeys())
  await store.close()
  return sealed
}

export interface TestPerson {
  username: string
  password?: string | null
  groups?: string[]
  user?: Partial<UserRecord>
}

/** Adds a person and the groups that are named. */
export async function addPerson(store: Store, { username, password = PASSWORD, groups = [], user }: TestPerson) {
  const now = store.now()
  const event = (action: string, target: string) => ({
    id: timeOrderedId(now),
    at: now,
    actorKind: BY_SYSTEM.kind,
    actor: BY_SYSTEM.id,
    action,
    target,
    requestId: null,
    details: {},
  })
  for (const name of groups) {
    const rest = { declaredBy: null, createdAt: now, updatedAt: now }
    await store.createGroup(
      { name, roles: [], permissions: name === 'signet-admins' ? ['signet:admin'] : [], claims: {}, ...rest },
      event('group.created', name),
    )
  }
  const record: UserRecord = {
    id: timeOrderedId(now),
    username,
    isNameChosen: false,
    email: `${username}@example.com`,
    emailKey: `${username}@example.com`,
    name: null,
    profile: {},
    claims: {},
    handle: randomBytes(32).toString('base64url'),
    passwordHash: password === null ? null : await hashOnce(password.normalize('NFKC')),
    passwordOrigin: password === null ? null : 'operator',
    passwordChangedAt: password === null ? null : now,
    mustChangePassword: false,
    totpSecret: null,
    totpUsedStep: -1,
    disabledAt: null,
    createdAt: now,
    updatedAt: now,
    lastLoginAt: null,
    ...user,
  }
  const deny = () => {
    throw new Error('a new person has nothing to deny')
  }
  const created = await store.createUser(
    record,
    { groups, mayChangeMembers: () => {}, deny },
    event('user.created', record.id),
  )
  if (created.outcome !== 'created') throw new Error(`not created: ${created.outcome}`)
  return record
}

export const CALLBACK = 'https://app.example/callback'

/** Registers a client that people sign in to. Metadata of a test wins. */
export async function addApp(issuer: AdministeredIssuer, metadata: Record<string, unknown> = {}): Promise<string> {
  const clientId = typeof metadata.client_id === 'string' ? metadata.client_id : `app-${randomBytes(4).toString('hex')}`
  const { status, text } = await issuer.operator.call('POST', '/admin/api/clients', {
    client_id: clientId,
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'openid profile email groups',
    ...metadata,
  })
  if (status !== 201) throw new Error(`client not registered: ${status} ${text}`)
  return clientId
}

/** 43 characters. */
export const VERIFIER = 'v'.repeat(43)
export const CHALLENGE = hash('sha256', VERIFIER, 'base64url')

/** The path of an authorization request. `undefined` leaves a parameter out. */
export function authorizePath(clientId: string, more: Record<string, string | undefined> = {}): string {
  const all = {
    client_id: clientId,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid',
    state: 's-1',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...more,
  }
  const sent = Object.entries(all).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  return `/authorize?${new URLSearchParams(sent).toString()}`
}

export const browserAt = (issuer: TestIssuer): BrowserLike => new BrowserLike(issuer.issuer)

/** Opens an authorization request and signs in by password on the page that comes. */
export async function signInAt(
  browser: BrowserLike,
  path: string,
  { username, password = PASSWORD, ...more }: { username: string; password?: string; remember?: string },
): Promise<Seen> {
  const form = await browser.get(path)
  return browser.submit(form, { username, password, ...more }, 'sign-in')
}
