/**
 * The change of the master key: a key is added to its place, noted in the database, found by the running servers, used,
 * and at the end retired. Each step leaves a state in which everything works, so a command may be killed at any time and
 * given again. The file is written before the database: no row ever names a key that stands nowhere.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Actor, AuditTrail } from '../audit.ts'
import { toIso, type Instant } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import { sealedUnder } from '../store/records/key.ts'
import type { KeyHolder, MasterKeyStatus, Resealed } from '../store/records/master-key.ts'
import type { Store } from '../store/store.ts'
import { describeDependents, findDependents, type Dependents } from './dependents.ts'
import { ALIVE_MS, serversWithout } from './key-holder.ts'
import { idArgument, newMasterKey, type MasterKey } from './master-key.ts'
import { addToMasterKeyFile, removeFromMasterKeyFile } from './master-key-file.ts'
import { describeMasterKeyPlace, readMasterKeysAgain, type MasterKeySource } from './master-key-source.ts'
import type { MasterKeys } from './master-keys.ts'

interface Needs {
  store: Store
  masterKeys: MasterKeys
  audit: AuditTrail
  source: MasterKeySource
  /** Databases that share the key file. A key that is retired here stays in the file for them. */
  sharing: string[]
  /** Ends a grant with its live tokens. */
  endGrant: (sid: string, by: Actor) => Promise<unknown>
}

export interface ListedMasterKey {
  id: string
  status: MasterKeyStatus
  dependents: Dependents
}

export interface Retired {
  /** Clients whose secrets ended, by id. */
  clients: string[]
  grants: number
}

/** How long a command waits until the running servers have found a new key. They look within a second. */
const FOUND_WITHIN_MS = 5000
const LOOK_EVERY_MS = 100

/** How often private keys are sealed anew where others are made meanwhile. */
const MOST_TRIES = 5

const GRANTS_AT_ONCE = 500
const APPS_AT_ONCE = 500

export class MasterKeyChange {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Keys that are retired and still stand in their place, by id. */
  listLeftBehind(): string[] {
    const keys = this.#needs.masterKeys.list()
    return keys.flatMap(({ id, status, isHere }) => (status === 'retired' && isHere ? [id] : []))
  }

  /** Every key but the retired ones, oldest first. */
  async list(): Promise<ListedMasterKey[]> {
    const { masterKeys, store } = this.#needs
    const standing = masterKeys.list().filter(({ status }) => status !== 'retired')
    const listed: ListedMasterKey[] = []
    for (const { id, status } of standing) listed.push({ id, status, dependents: await findDependents(store, id) })
    return listed
  }

  /**
   * Makes a new key. With a key file it is current at the end; where a variable gives the keys it is only noted.
   * @throws Fault if a running server does not find the key; then it is noted, and not current
   */
  async rotate(by: Actor): Promise<MasterKey> {
    const { store, source, audit } = this.#needs
    const key = newMasterKey()
    if (!source.masterKeys) addToMasterKeyFile(source.keysDir, key)
    await store.noteMasterKey(key.id, audit.event('master_key.added', key.id, by))
    if (!source.masterKeys) await this.#makeCurrent(key.id, by)
    return key
  }

  /** Makes a key current that stands in its place. @throws Fault if this command or a running server does not have it */
  async use(id: string, by: Actor): Promise<void> {
    const { store, audit } = this.#needs
    const status = this.#statusOf(id)
    if (status === 'retired') throw retiredFault(id)
    if (status === 'current') return
    // A key that an operator has put in its place: the note makes the servers look for it.
    if (this.#needs.masterKeys.find(id)) await store.noteMasterKey(id, audit.event('master_key.added', id, by))
    await this.#makeCurrent(id, by)
  }

  /** The servers are asked again until the time is over: they find a new key within a second. */
  async #makeCurrent(id: string, by: Actor): Promise<void> {
    const { store, audit } = this.#needs
    const key = this.#requireHere(id)
    const blocking = (holders: KeyHolder[], now: Instant) => serversWithout(id, holders, now)
    const deadline = performance.now() + FOUND_WITHIN_MS
    for (;;) {
      const resealed = await this.#sealAnew(key, (under) => under !== id)
      const used = await store.useMasterKey(id, resealed, blocking, audit.event('master_key.used', id, by))
      if (used.outcome === 'used' || used.outcome === 'already') return this.#moveApps(key, (under) => under !== id)
      if (used.outcome === 'retired') throw retiredFault(id)
      if (performance.now() > deadline)
        throw used.outcome === 'unheld' ? this.#unheldFault(id, used.holders) : changedFault()
      await pause(LOOK_EVERY_MS)
    }
  }

  /** @throws Fault if the key does not stand in its place, as this command reads it now */
  #requireHere(id: string): MasterKey {
    const key = readMasterKeysAgain(this.#needs.source).find((each) => each.id === id)
    if (key) return key
    const place = describeMasterKeyPlace(this.#needs.source)
    throw new Fault(`master key ${id} is not here`, `put it in ${place}, beside the others, for this command too`)
  }

  #unheldFault(id: string, holders: KeyHolder[]): Fault {
    const servers = holders.map(({ server, lastSeenAt }) => `${server} (seen ${toIso(lastSeenAt)})`).join(', ')
    return new Fault(
      `master key ${id} is not current: these servers have noted in the database which keys they have, and not this one: ${servers}`,
      `give them the key, restart those that read it from a variable, then: signet master-key use ${idArgument(id)}; a server that was killed is forgotten after ${ALIVE_MS / 1000} s`,
    )
  }

  /** Seals private keys under another master key: those whose present master key is chosen. */
  async #sealAnew(key: MasterKey, isChosen: (under: string | undefined) => boolean): Promise<Resealed> {
    const { store, masterKeys } = this.#needs
    const resealed = new Map<string, { from: string; to: string }>()
    for (const { kid, sealedPrivateKey: from } of await store.listKeys()) {
      if (from === '' || !isChosen(sealedUnder(from))) continue
      const opened = await masterKeys.unseal(from)
      if (opened === undefined) throw this.#sealedFault(`signing key ${kid}`, sealedUnder(from) ?? '')
      resealed.set(kid, { from, to: await key.seal(opened) })
    }
    return resealed
  }

  /** Seals the secrets of authenticator apps under another master key. Until then they are read with their former key. */
  async #moveApps(key: MasterKey, isChosen: (under: string | undefined) => boolean): Promise<void> {
    const { store, masterKeys } = this.#needs
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await store.listTotpSecrets({ after, limit: APPS_AT_ONCE })
      const resealed = new Map<string, { from: string; to: string }>()
      for (const { userId, sealed: from } of page.secrets) {
        if (!isChosen(sealedUnder(from))) continue
        const opened = await masterKeys.unseal(from)
        if (opened === undefined) throw this.#sealedFault(`the app of user ${userId}`, sealedUnder(from) ?? '')
        resealed.set(userId, { from, to: await key.seal(opened) })
      }
      if (resealed.size > 0) await store.resealTotp(resealed)
      after = page.next
    }
  }

  #sealedFault(sealed: string, id: string): Fault {
    const place = describeMasterKeyPlace(this.#needs.source)
    return new Fault(`${sealed} is sealed under master key ${id}, which is not here`, `put it in ${place}`)
  }

  /**
   * Retires a former key: nothing is checked or made with it any more. It leaves a key file that is not shared.
   * @throws Fault where something needs it, unless `force` ends that
   */
  async retire(id: string, by: Actor, { force }: { force: boolean }): Promise<Retired> {
    const status = this.#statusOf(id)
    if (status === 'current')
      throw new Fault(`master key ${id} is current`, 'make another one current first: signet master-key rotate')
    const retired = status === 'retired' ? { clients: [], grants: 0 } : await this.#retireNow(id, by, force)
    const { masterKeys, keysDir } = this.#needs.source
    if (!masterKeys && this.#needs.sharing.length === 0 && this.#needs.masterKeys.found().some((key) => key.id === id))
      removeFromMasterKeyFile(keysDir, id)
    return retired
  }

  async #retireNow(id: string, by: Actor, force: boolean): Promise<Retired> {
    const { store, masterKeys, audit } = this.#needs
    await store.noteMasterKey(id, audit.event('master_key.added', id, by))
    const needs = await findDependents(store, id)
    if (!force && needs.secrets.length + needs.grants > 0) throw neededFault(id, needs)
    const grants = force ? await this.#endGrants(id, by) : 0
    const ended = force ? (clientId: string) => audit.event('client.secret_ended', clientId, by) : undefined
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const resealed = await this.#sealAnew(masterKeys.current, (under) => under === id)
      await this.#moveApps(masterKeys.current, (under) => under === id)
      const outcome = await store.retireMasterKey(id, resealed, ended, audit.event('master_key.retired', id, by))
      if (outcome.outcome === 'needed') throw neededFault(id, await findDependents(store, id))
      if (outcome.outcome === 'current') throw new Fault(`master key ${id} is current again`, 'nothing was changed')
      if (outcome.outcome === 'changed') continue
      const secrets = outcome.outcome === 'retired' ? outcome.secrets : []
      return { clients: [...new Set(secrets.map(({ clientId }) => clientId))].toSorted(), grants }
    }
    throw changedFault()
  }

  /** @returns how many grants were ended */
  async #endGrants(id: string, by: Actor): Promise<number> {
    const { store, endGrant } = this.#needs
    let ended = 0
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await store.listGrantsUnder(id, { after, limit: GRANTS_AT_ONCE })
      // Together, so that they share commits.
      await Promise.all(page.grants.map(({ sid }) => endGrant(sid, by)))
      ended += page.grants.length
      after = page.next
    }
    return ended
  }

  #statusOf(id: string): MasterKeyStatus {
    const known = this.#needs.masterKeys.list().find((key) => key.id === id)
    if (!known) throw new Fault(`there is no master key ${JSON.stringify(id)}`, 'see: signet master-key list')
    return known.status
  }
}

const changedFault = (): Fault => new Fault('signing keys are changed all the time', 'nothing was changed; try again')

const retiredFault = (id: string): Fault =>
  new Fault(`master key ${id} was retired and is not used again`, 'make a new one: signet master-key rotate')

function neededFault(id: string, needs: Dependents): Fault {
  const until = needs.until === null ? '' : `, until ${toIso(needs.until)}`
  return new Fault(
    `master key ${id} is needed by ${describeDependents(needs)}${until}`,
    'a secret moves to the current key when it is next used, or with signet client rotate-secret ID; a grant moves at its next refresh; --force ends all of them',
  )
}
