/**
 * The change of the master key: noted, used, retired. A change of the current key and the private keys that were sealed
 * anew under it are one write. No act stores a row under a former key, so what needs a former key only becomes less.
 */
import type { Instant } from '../../ground/clock.ts'
import { find, insert, insertIfAbsent, remove, select, time, update, type Act, type Engine } from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import type { Page } from '../records/facts.ts'
import { isExpired, type GrantRecord } from '../records/grant.ts'
import { sealedUnder, type SigningKeyRecord } from '../records/key.ts'
import type {
  DependentSecret,
  DependentGrants,
  KeyHolder,
  MasterKeyNeeds,
  MasterKeyRecord,
  Resealed,
  RetireOutcome,
  UseOutcome,
} from '../records/master-key.ts'
import type { MasterKeyStore } from '../key-store.ts'
import { clients, clientSecrets, endedSecrets } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { keyHolders, masterKeys, signingKeys } from '../tables/keys.ts'
import { record } from './audit.ts'
import { grantOf } from './grant-rows.ts'
import { masterKeyNamesOf, readMasterKeys } from './master-key-rows.ts'
import { put } from './settings.ts'
import { hasTotpUnder } from './totp-secrets.ts'

export const masterKeyVerbs = (engine: Engine): MasterKeyStore => ({
  readMasterKeys: () => engine.read(readMasterKeys),
  noteMasterKey: (id, event) => engine.act(() => note(id, event), 'exclusive'),
  useMasterKey: (id, resealed, blocking, event) =>
    engine.act(() => use(id, resealed, blocking, event), 'exclusive', 'operator'),
  retireMasterKey: (id, resealed, ended, event) =>
    engine.act(() => retire(id, resealed, ended, event), 'exclusive', 'operator'),
  findMasterKeyNeeds: (id) => engine.read(() => findNeeds(id)),
  listGrantsUnder: (id, page) => engine.read(() => listGrants(id, page)),
  noteKeyHolder: (holder) => engine.act(() => noteHolder(holder), 'free'),
  forgetKeyHolder: (server) =>
    engine.act(function* () {
      yield* remove(keyHolders, { server })
    }, 'free'),
  listKeyHolders: () => engine.read(() => select(keyHolders, { orderBy: 'server' })),
})

function* note(id: string, event: Recording): Act<'noted' | 'known' | 'retired'> {
  const known = (yield* readMasterKeys()).keys.find((key) => key.id === id)
  if (known) return known.retiredAt === null ? 'known' : 'retired'
  yield* insert(masterKeys, { id, createdAt: yield* time(), currentSince: null, retiredAt: null })
  yield* record(event)
  return 'noted'
}

function* use(
  id: string,
  resealed: Resealed,
  blocking: (holders: KeyHolder[], now: Instant) => KeyHolder[],
  event: Recording,
): Act<UseOutcome> {
  const { keys, current } = yield* readMasterKeys()
  const key = keys.find((each) => each.id === id)
  if (!key) return { outcome: 'unknown' }
  if (key.retiredAt !== null) return { outcome: 'retired' }
  if (current === id) return { outcome: 'already' }
  const now = yield* time()
  const holders = blocking(yield* select(keyHolders), now)
  if (holders.length > 0) return { outcome: 'unheld', holders }
  const sealed = (yield* listSealed()).filter(({ sealedPrivateKey }) => sealedUnder(sealedPrivateKey) !== id)
  if (!covers(resealed, sealed)) return { outcome: 'changed' }
  yield* storeResealed(sealed, resealed)
  for (const each of keys) yield* insertIfAbsent(masterKeys, each)
  yield* update(masterKeys, { id }, { currentSince: now })
  yield* put('current_master_key_id', id)
  yield* record(event)
  return { outcome: 'used' }
}

function* listSealed(): Act<SigningKeyRecord[]> {
  return (yield* select(signingKeys)).filter(({ sealedPrivateKey }) => sealedPrivateKey !== '')
}

/** Whether all of these keys were sealed anew, and none was made or changed since they were read. */
const covers = (resealed: Resealed, sealed: SigningKeyRecord[]): boolean =>
  sealed.every(({ kid, sealedPrivateKey }) => resealed.get(kid)?.from === sealedPrivateKey)

function* storeResealed(sealed: SigningKeyRecord[], resealed: Resealed): Act<void> {
  for (const { kid } of sealed) {
    const anew = resealed.get(kid)
    if (anew) yield* update(signingKeys, { kid }, { sealedPrivateKey: anew.to })
  }
}

function* retire(
  id: string,
  resealed: Resealed,
  ended: ((clientId: string) => Recording) | undefined,
  event: Recording,
): Act<RetireOutcome> {
  const state = yield* readMasterKeys()
  const key = state.keys.find((each) => each.id === id)
  if (!key) return { outcome: 'unknown' }
  if (state.current === id) return { outcome: 'current' }
  if (key.retiredAt !== null) return { outcome: 'already' }
  const { secrets } = yield* findNeeds(id)
  if (secrets.length > 0 && !ended) return { outcome: 'needed', secrets }
  const sealed = (yield* listSealed()).filter(({ sealedPrivateKey }) => sealedUnder(sealedPrivateKey) === id)
  if (!covers(resealed, sealed) || (yield* hasTotpUnder(id))) return { outcome: 'changed' }
  yield* storeResealed(sealed, resealed)
  const now = yield* time()
  for (const secret of secrets) yield* endSecret(secret, id, now, ended)
  // Those that have expired and are not swept yet: no row names a retired key.
  for (const masterKeyId of masterKeyNamesOf(id, state))
    yield* remove(clientSecrets, { masterKeyId, kind: 'generated' })
  yield* markRetired(key, now)
  yield* record(event)
  return { outcome: 'retired', secrets }
}

function* markRetired(key: MasterKeyRecord, now: Instant): Act<void> {
  yield* insertIfAbsent(masterKeys, key)
  yield* update(masterKeys, { id: key.id }, { retiredAt: now })
}

/** Ends a secret that nobody can check any more. It is remembered, so that a declarative file does not revive it. */
function* endSecret(
  { id, clientId }: DependentSecret,
  masterKeyId: string,
  now: Instant,
  ended: ((clientId: string) => Recording) | undefined,
): Act<void> {
  const secret = yield* find(clientSecrets, { id })
  if (!secret) return
  yield* remove(clientSecrets, { id })
  yield* insertIfAbsent(endedSecrets, { id, clientId, digest: secret.digest, masterKeyId, endedAt: now })
  yield* update(clients, { clientId }, { updatedAt: now })
  yield* record(ended?.(clientId))
}

function* findNeeds(id: string): Act<MasterKeyNeeds> {
  const state = yield* readMasterKeys()
  const now = yield* time()
  const sealed = (yield* listSealed()).filter(({ sealedPrivateKey }) => sealedUnder(sealedPrivateKey) === id)
  const secrets: DependentSecret[] = []
  for (const masterKeyId of masterKeyNamesOf(id, state)) {
    for (const secret of yield* select(clientSecrets, { where: { masterKeyId, kind: 'generated' } })) {
      const client = yield* find(clients, { key: secret.clientKey })
      const { expiresAt, lastUsedAt } = secret
      if (client && (expiresAt === null || expiresAt > now))
        secrets.push({ id: secret.id, clientId: client.clientId, expiresAt, lastUsedAt })
    }
  }
  return { sealed: sealed.map(({ kid }) => kid), secrets }
}

/** Reads a page of each name of the key, so that the two lists end together. */
function* listGrants(id: string, { after = '', limit }: Page): Act<DependentGrants> {
  const now = yield* time()
  const rows = []
  for (const masterKeyId of masterKeyNamesOf(id, yield* readMasterKeys()))
    rows.push(yield* select(grants, { where: { masterKeyId, endedAt: null }, orderBy: 'sid', after, limit }))
  // Behind the end of a full page another name's rows may be missing: they come with the next page.
  const ends = rows.filter((page) => page.length === limit).map((page) => page.at(-1)?.sid ?? '')
  const next = ends.toSorted()[0]
  const live: GrantRecord[] = []
  for (const row of rows.flat().filter(({ sid }) => next === undefined || sid <= next)) {
    const grant = grantOf(row, yield* find(clients, { key: row.clientKey }))
    if (grant && grant.endedAt === null && !isExpired(grant, now)) live.push(grant)
  }
  return { grants: live, next }
}

function* noteHolder({ server, keys, lastSeenAt }: KeyHolder): Act<void> {
  if ((yield* update(keyHolders, { server }, { keys, lastSeenAt })) === 0)
    yield* insert(keyHolders, { server, keys, lastSeenAt })
}
