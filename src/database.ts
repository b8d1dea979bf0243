/**
 * Opens a database with the master keys that its rows need. At the very first start both are created. Neither is created
 * if the other exists already.
 */
import { existsSync, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { Clock } from './ground/clock.ts'
import type { Config } from './config/setting.ts'
import { Fault } from './ground/errors.ts'
import { makeFolders } from './ground/folders.ts'
import {
  findHindrance,
  listKnownDatabases,
  listNotes,
  rememberDatabase,
  strangerFault,
} from './keys/known-databases.ts'
import { describeDependents, findDependents, isNeeded, type Dependents } from './keys/dependents.ts'
import { idArgument, type MasterKey } from './keys/master-key.ts'
import { createMasterKeyFile, keysFolderFault, masterKeyFile, requireKeysFolder } from './keys/master-key-file.ts'
import {
  describeMasterKeyPlace,
  masterKeyVariable,
  readMasterKeySource,
  readMasterKeysAgain,
  type MasterKeySource,
} from './keys/master-key-source.ts'
import { MasterKeys } from './keys/master-keys.ts'
import type { Log } from './ground/log.ts'
import { databaseName, ignoredParameters, openStore, probeDatabase } from './store/open.ts'
import { statusOfMasterKey, type MasterKeyState } from './store/records/master-key.ts'
import type { Store } from './store/store.ts'

/** A database opened with the master keys that belong to it. */
export interface Opened {
  store: Store
  masterKeys: MasterKeys
}

interface Surroundings {
  clock: Clock
  log: Log
  /** Opens although a former key is missing that something needs: for the command that ends it. */
  mayLackFormer?: boolean
  /** Makes a database although the keys folder belongs to others, or to one that was in this place. */
  isNewWanted?: boolean | undefined
}

/**
 * Opens database and master key, and creates both at the very first start. Beside keys that belong to other databases
 * it creates one only if that is wanted: the path is probably misspelt. So it does in the place of one that is gone.
 * @throws Fault if one of them is missing, wrong or damaged; then nothing is created
 */
export async function openDatabase(config: Config, surroundings: Surroundings): Promise<Opened> {
  const { clock, log, isNewWanted = false } = surroundings
  const given = readMasterKeySource(config)
  const name = databaseName(config.databaseUrl)
  warnOfIgnored(config, log)
  const known = listKnownDatabases(config.keysDir)
  const isNew = await isFirstStart(config)
  const mustExist = known.includes(name) && !(isNew && isNewWanted)
  const hindrance = isNew ? findHindrance({ name, known, isNewWanted, isExpected: true }) : undefined
  if (hindrance === 'stranger') throw strangerFault(config.keysDir, name, 'signet serve --new')
  const unmakeFolder = given ? () => {} : makeKeysFolder(config.keysDir, isNew)
  // Apart from this process only commands write, and a command takes more than a millisecond to exit after its write.
  const mayLagMs = 1
  const poolSize = config.databasePool
  const opening = openStore(config.databaseUrl, { clock, mustExist, mayLagMs, poolSize })
  const store = await opening.catch((error: unknown) => {
    unmakeFolder()
    throw error
  })
  try {
    const masterKeys = await matchMasterKeys(store, given, config, surroundings)
    if (isNew) warnOfOthers(name, config, log)
    await goOnFromRecord(store)
    return { store, masterKeys }
  } catch (error) {
    await store.close()
    unmakeFolder()
    throw error
  }
}

/** A process that comes soon after another one goes on from the time on record, and need not wait until its clock is believed. */
async function goOnFromRecord({ time, believedTime }: Store): Promise<void> {
  const noted = await believedTime()
  if (noted === undefined) time.believe()
  else time.goOnFrom(noted)
}

/** Whether the database has still to be made. */
export const isFirstStart = async ({ databaseUrl }: Pick<Config, 'databaseUrl'>): Promise<boolean> =>
  (await probeDatabase(databaseUrl)) === 'missing'

function warnOfIgnored({ databaseUrl, setBy }: Config, log: Log): void {
  const ignored = ignoredParameters(databaseUrl)
  if (ignored.length > 0)
    log.warn(`${setBy.databaseUrl ?? 'SIGNET_DATABASE_URL'}: without effect here: ${ignored.join(', ')}`)
}

/** The new database has keys of its own and no clients. */
function warnOfOthers(name: string, { keysDir }: Config, log: Log): void {
  const known = listKnownDatabases(keysDir).filter((each) => each !== name)
  if (known.length > 0)
    log.warn(`a new database was made at ${name}; the keys in ${keysDir} belong to ${known.join(', ')} as well`)
}

/**
 * Makes the keys folder. The result removes the folder again if it is empty. For a new database it also checks that a key
 * file can be written there. The check comes first, because a later refusal would leave the new database behind.
 */
function makeKeysFolder(keysDir: string, isForNew: boolean): () => void {
  let unmake = () => {}
  try {
    unmake = makeFolders(keysDir)
    if (isForNew) requireKeysFolder(keysDir)
    return unmake
  } catch (error) {
    unmake()
    throw error instanceof Fault ? error : keysFolderFault(keysDir, error)
  }
}

/** The keys of a database; a new one only for a database that has never had one. */
async function matchMasterKeys(
  store: Store,
  given: MasterKey[] | undefined,
  config: Config,
  { log, mayLackFormer }: Surroundings,
): Promise<MasterKeys> {
  const known = await store.readMasterKeys()
  // The place is read again after the database: a key that the database names was put there before it was named.
  const found = known.current === undefined ? await claimDatabase(store, given, config) : readMasterKeysAgain(config)
  if (found.length === 0) throw noMasterKey(config, known.current)
  const state = known.current === undefined ? await store.readMasterKeys() : known
  await requireMasterKeys(store, found, config, { state, mayLackFormer })
  return new MasterKeys(found, state, { store, log, readAgain: () => readMasterKeysAgain(config) })
}

/**
 * Notes the first master key in the database, and makes one where none is given. It is written before it is noted, so that
 * no database names a key that stands nowhere. If another process was first, the key file is removed again.
 */
async function claimDatabase(store: Store, given: MasterKey[] | undefined, { keysDir }: Config): Promise<MasterKey[]> {
  const { keys, unmake } = given ? { keys: given, unmake: () => {} } : createMasterKeyFile(keysDir)
  const [first] = keys
  if (first && (await store.claimSetting('master_key_id', first.id)) !== first.id) unmake()
  return keys
}

const noMasterKey = ({ keysDir }: Config, current: string | undefined): Fault =>
  new Fault(
    `SIGNET_KEYS_DIR: ${masterKeyFile(keysDir)} is missing, and the database was sealed under master key ${current}`,
    'set SIGNET_KEYS_DIR to the folder where it is, often keys/ beside data/; or put it back from your backup, or give the key in SIGNET_MASTER_KEY; no new one is made for an existing database (it is lost: docs/operating.md, "The master key is lost")',
  )

/**
 * Checks that the current key is there, and every former key that something needs.
 * @param found read after `state`, because a change puts a key in its place first
 * @throws Fault
 */
export async function requireMasterKeys(
  store: Store,
  found: MasterKey[],
  source: MasterKeySource,
  {
    state: { current, keys },
    mayLackFormer = false,
    subject = 'database',
  }: { state: MasterKeyState; mayLackFormer?: boolean | undefined; subject?: string },
): Promise<void> {
  const ids = found.map(({ id }) => id)
  if (current !== undefined && !ids.includes(current)) throw otherMasterKey(source, ids, current, subject)
  for (const key of mayLackFormer ? [] : keys) {
    if (ids.includes(key.id) || statusOfMasterKey(key, current) !== 'previous') continue
    const needs = await findDependents(store, key.id)
    if (isNeeded(needs)) throw formerKeyMissing(source, key.id, needs)
  }
}

function otherMasterKey(source: MasterKeySource, ids: string[], current: string, subject: string): Fault {
  const are = ids.length === 1 ? 'the master key is' : 'the master keys are'
  return new Fault(
    `${masterKeyVariable(source)}: ${are} ${ids.join(', ')}, but the ${subject} was sealed under ${current}`,
    `put the original key back in ${describeMasterKeyPlace(source)}, or point SIGNET_DATABASE_URL at the database that belongs to this key`,
  )
}

const formerKeyMissing = (source: MasterKeySource, id: string, needs: Dependents): Fault =>
  new Fault(
    `${masterKeyVariable(source)}: master key ${id} is missing, and it is needed by ${describeDependents(needs)}`,
    `put it back in ${describeMasterKeyPlace(source)}, beside the others; where it is lost, signet master-key retire --force ${idArgument(id)} ends what needs it`,
  )

/**
 * Databases that may need keys of this folder which this one does not: those that have used it, and in a folder that
 * other users can enter also databases that could not be noted.
 */
export async function listOtherDatabases(config: Config, store: Pick<Store, 'placeId'>): Promise<string[]> {
  const { keysDir } = config
  const known = await listKnownOthers(config, store)
  return isPrivate(keysDir) ? known : [...known, `those of other users who can enter ${keysDir}`]
}

/**
 * The other databases that have used keys of this folder. A database on another machine counts as still there. Another name
 * of this database is none.
 */
export async function listKnownOthers(
  { databaseUrl, keysDir }: Config,
  store: Pick<Store, 'placeId'>,
): Promise<string[]> {
  const own = databaseName(databaseUrl)
  const isThere = (name: string) => !isAbsolute(name) || existsSync(name)
  const others = listNotes(keysDir).filter(({ name }) => name !== own && isThere(name))
  if (others.length === 0) return []
  const ownPlace = await store.placeId()
  return others.filter(({ placeId }) => placeId === undefined || placeId !== ownPlace).map(({ name }) => name)
}

/** Whether nobody but the user of this process can enter a folder; nobody can enter one that is not there. */
function isPrivate(folder: string): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false })
  return !stats || (stats.uid === process.geteuid?.() && (stats.mode & 0o077) === 0)
}

/** Notes beside the master key that it has sealed keys for this database. The database is asked for its place only once. */
export async function rememberOpened({ databaseUrl, keysDir }: Config, store: Pick<Store, 'placeId'>): Promise<void> {
  if (!existsSync(keysDir)) return
  const name = databaseName(databaseUrl)
  const noted = listNotes(keysDir).find((each) => each.name === name)
  if (noted?.placeId === undefined) rememberDatabase(keysDir, name, await store.placeId())
}
