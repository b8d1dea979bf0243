/**
 * Opens a database with the master key that sealed its keys. At the very first start both are created. Neither is created
 * if the other exists already.
 */
import { existsSync } from 'node:fs'
import type { Clock } from './ground/clock.ts'
import { type Config } from './config.ts'
import { Fault } from './ground/errors.ts'
import { isKnownDatabase, listKnownDatabases, rememberDatabase } from './keys/known-databases.ts'
import {
  createMasterKeyFile,
  describeMasterKeyPlace,
  keysFolderFault,
  masterKeyFile,
  masterKeyVariable,
  readMasterKey,
  readMasterKeyFile,
  requireKeysFolder,
  type MasterKey,
} from './keys/master-key.ts'
import type { Log } from './ground/log.ts'
import { databaseFile, makeFolders, openStore } from './store/open.ts'
import type { Store } from './store/store.ts'

/** A database opened with the master key that belongs to it. */
export interface Opened {
  store: Store
  masterKey: MasterKey
}

interface Surroundings {
  clock: Clock
  log: Log
}

/**
 * Opens database and master key, and creates both at the very first start.
 * @throws Fault if one of them is missing, wrong or damaged; then nothing is created
 */
export async function openDatabase(config: Config, { clock, log }: Surroundings): Promise<Opened> {
  const given = readMasterKey(config)
  const file = databaseFile(config.databaseUrl)
  const mustExist = file !== undefined && isKnownDatabase(config.keysDir, file)
  const isNew = file !== undefined && !existsSync(file)
  const unmakeFolder = given ? () => {} : makeKeysFolder(config.keysDir, isNew)
  // Besides this process only commands write, and a command needs more than a millisecond to exit after its write.
  const mayLagMs = 1
  const store = await openStore(config.databaseUrl, { clock, mustExist, mayLagMs }).catch((error: unknown) => {
    unmakeFolder()
    throw error
  })
  try {
    const masterKey = await matchMasterKey(store, given, config)
    if (isNew) warnOfOthers(file, config, log)
    return { store, masterKey }
  } catch (error) {
    await store.close()
    unmakeFolder()
    throw error
  }
}

/** Whether the database has still to be made. */
export function isFirstStart({ databaseUrl }: Config): boolean {
  const file = databaseFile(databaseUrl)
  return file !== undefined && !existsSync(file)
}

/** A misspelt path makes a new database with new keys and no clients. The warning tells the operator. */
function warnOfOthers(file: string, { keysDir }: Config, log: Log): void {
  const known = listKnownDatabases(keysDir)
  if (known.length > 0)
    log.warn(`a new database was made at ${file}; the keys in ${keysDir} belong to ${known.join(', ')} as well`)
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

/** The key that the database was sealed under; a new one only for a database that has never had one. */
async function matchMasterKey(store: Store, given: MasterKey | undefined, config: Config): Promise<MasterKey> {
  const sealedUnder = await store.findSetting('master_key_id')
  // If the database names a key, the file is read again: another process may have made both since the first look.
  const masterKey =
    given ?? (sealedUnder === undefined ? createMasterKeyFile(config.keysDir) : readMasterKeyFile(config.keysDir))
  if (!masterKey) {
    throw new Fault(
      `SIGNET_KEYS_DIR: ${masterKeyFile(config.keysDir)} is missing, and the database was sealed under master key ${sealedUnder}`,
      'put the original file back from your backup, or give the key in SIGNET_MASTER_KEY; no new one is made for an existing database (it is lost: docs/operating.md, "The master key is lost")',
    )
  }
  const standing = sealedUnder ?? (await store.claimSetting('master_key_id', masterKey.id))
  if (standing === masterKey.id) return masterKey
  throw new Fault(
    `${masterKeyVariable(config)}: the master key is ${masterKey.id}, but the database was sealed under ${standing}`,
    `put the original key back in ${describeMasterKeyPlace(config)}, or point SIGNET_DATABASE_URL at the database that belongs to this key`,
  )
}

/** Notes beside the master key that it has sealed keys for this database. */
export function rememberOpened({ databaseUrl, keysDir }: Config): void {
  const file = databaseFile(databaseUrl)
  if (file !== undefined && existsSync(keysDir)) rememberDatabase(keysDir, file)
}
