/**
 * Wires everything: configuration, store, keys and clock in; the rooms out. The only place that opens a
 * database. Used by the server and by every command alike.
 */
import { existsSync } from 'node:fs'
import { AuditTrail } from './audit.ts'
import { BlacklistFeed } from './blacklist/feed.ts'
import { Blacklist } from './blacklist/match.ts'
import { ADMIN_SCOPE } from './resources/resource.ts'
import { OPERATOR_CLIENT_ID } from './clients/client.ts'
import { ClientAuthentication } from './clients/authentication.ts'
import { ClientDirectory } from './clients/directory.ts'
import { ClientRegistry } from './clients/registration.ts'
import { ClientSecrets } from './clients/secret.ts'
import type { Clock } from './ground/clock.ts'
import { isLoopback, type Config } from './config.ts'
import { Fault } from './ground/errors.ts'
import type { Lifetimes } from './grants/grant.ts'
import { ResourceDirectory } from './resources/directory.ts'
import { ResourceRegistry } from './resources/registration.ts'
import { Revocation } from './blacklist/revocation.ts'
import { Limits } from './limits/limits.ts'
import { KeyRing } from './keys/key-ring.ts'
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
import { KeyReaders } from './keys/readers.ts'
import type { Log } from './ground/log.ts'
import { databaseFile, makeFolders, openStore } from './store/open.ts'
import { Replica } from './replica.ts'
import type { Store } from './store/store.ts'
import { AccessTokens } from './tokens/access-token.ts'
import { RefreshTokens } from './tokens/refresh-token.ts'
import { TokenState } from './tokens/token-state.ts'
import { Traffic } from './ground/traffic.ts'

/** A database opened with the master key that belongs to it. */
export interface Opened {
  store: Store
  masterKey: MasterKey
}

/** A wired issuer: everything that was wired. Nothing listens yet, and each door and command takes its own part only. */
export interface Issuer {
  /** The exact `iss`. */
  issuer: string
  config: Config
  clock: Clock
  log: Log
  store: Store
  lifetimes: Lifetimes
  traffic: Traffic
  audit: AuditTrail
  keys: KeyRing
  readers: KeyReaders
  clients: ClientDirectory
  resources: ResourceDirectory
  blacklist: Blacklist
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  authentication: ClientAuthentication
  clientRegistry: ClientRegistry
  resourceRegistry: ResourceRegistry
  revocation: Revocation
  tokenState: TokenState
  feed: BlacklistFeed
  limits: Limits
  /** Live grants of one client and subject. */
  limitGrants: number
  /** Whether the service takes traffic; off while it starts or stops. */
  isReady(): boolean
  setReady(ready: boolean): void
  close(): Promise<void>
}

interface Surroundings {
  clock: Clock
  log: Log
}

/**
 * Opens database and master key, creating both where this is the very first start.
 * @throws Fault where either is missing, wrong or damaged; nothing is created then.
 */
export async function openDatabase(config: Config, { clock, log }: Surroundings): Promise<Opened> {
  const given = readMasterKey(config)
  const file = databaseFile(config.databaseUrl)
  const mustExist = file !== undefined && isKnownDatabase(config.keysDir, file)
  const isNew = file !== undefined && !existsSync(file)
  const unmakeFolder = given ? () => {} : makeKeysFolder(config.keysDir, isNew)
  // Only commands write beside this process, and a command takes longer than this to exit.
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

/** A misspelt path begins anew, with other keys and no clients: whoever did not mean that should hear of it. */
function warnOfOthers(file: string, { keysDir }: Config, log: Log): void {
  const known = listKnownDatabases(keysDir)
  if (known.length > 0)
    log.warn(`a new database was made at ${file}; the keys in ${keysDir} belong to ${known.join(', ')} as well`)
}

/**
 * Makes the keys folder; the result removes it again where it is empty. Beside a new database the folder has to take a
 * key file, which is found out here: once the database is made, a refusal would leave it behind.
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
  // Looked for again where the database has one: another process may have made both since the first look.
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

/** Wires the rooms for an issuer URL. */
export async function wireIssuer(
  { store, masterKey }: Opened,
  issuer: string,
  config: Config,
  { clock, log }: Surroundings,
): Promise<Issuer> {
  const audit = new AuditTrail(store, clock, log)
  const keys = await KeyRing.open(store, masterKey, audit, {
    prepublishSeconds: config.keyPrepublishSeconds,
    rotationSeconds: config.keyRotationSeconds,
  })
  // Only now: a database that is known and has no keys has lost them.
  const file = databaseFile(config.databaseUrl)
  if (file !== undefined && existsSync(config.keysDir)) rememberDatabase(config.keysDir, file)
  await warnOfNewName(store, issuer, log)
  const clients = await ClientDirectory.open(store)
  const resources = await ResourceDirectory.open(store, issuer)
  const blacklist = await Blacklist.open(store, clock)
  const replica = new Replica(blacklist, [keys, clients, resources], log)
  store.onChange((changes) => replica.onChange(changes))

  const traffic = new Traffic()
  const secrets = new ClientSecrets(masterKey, traffic.cache('client_secret'))
  const accessTokens = new AccessTokens({ issuer, keys, clock, store, blacklist })
  const refreshTokens = new RefreshTokens(masterKey)
  let ready = false
  const isReady = () => ready
  return {
    issuer,
    config,
    clock,
    log,
    store,
    lifetimes: config,
    traffic,
    audit,
    keys,
    readers: new KeyReaders(store, clock),
    clients,
    resources,
    blacklist,
    accessTokens,
    refreshTokens,
    authentication: new ClientAuthentication({ issuer, store, clock, clients, secrets, audit }),
    clientRegistry: new ClientRegistry({ store, secrets, audit }),
    resourceRegistry: new ResourceRegistry({ store, audit, issuer }),
    revocation: new Revocation({
      ...{ store, keys, audit, blacklist, limitDenials: config.limitDenials },
      isAdministrators: (name) => isAdministrators(name, clients),
    }),
    limitGrants: config.limitGrants,
    tokenState: new TokenState({ store, accessTokens, refreshTokens, clients, resources, blacklist }),
    feed: new BlacklistFeed(blacklist, clock),
    limits: new Limits({ config, issuer, clock, log }),
    isReady,
    setReady(value) {
      ready = value
      // Followers of the feed look up, and leave where the service stops.
      blacklist.wakeFollowers()
    },
    close: () => store.close(),
  }
}

/** A client with the administrator's scope, which is the `sub` of its tokens too; and the operator at the command line. */
const isAdministrators = (name: string, clients: ClientDirectory): boolean =>
  name === OPERATOR_CLIENT_ID || (clients.find(name)?.scope.includes(ADMIN_SCOPE) ?? false)

/** Between two names of this very machine nobody has to be warned: a port may be picked anew at each start. */
async function warnOfNewName(store: Store, issuer: string, log: Log): Promise<void> {
  const before = await store.findSetting('issuer')
  if (before === undefined || before === issuer) return
  if ([before, issuer].every((each) => isLoopback(new URL(each).hostname))) return
  log.warn(
    `the issuer is ${issuer}, and was ${before} at the last start: tokens of before are refused, and verifiers of the former name refuse new ones`,
  )
}

/** The issuer URL where none is configured. */
export const localIssuer = (port: number): string => `http://localhost:${port}`

/** The configured issuer; without one, what was served last, since its port may have been picked at the start. */
export const issuerUrl = async (store: Store, config: Config): Promise<string> =>
  config.issuer ?? (await store.findSetting('issuer')) ?? localIssuer(config.port)
