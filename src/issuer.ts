/**
 * Wires an issuer: it gets configuration, store, keys and clock, and makes everything that doors and commands use. The
 * server and every command call it.
 */
import { AuditTrail } from './audit.ts'
import { rememberOpened, type Opened } from './database.ts'
import { BlacklistFeed } from './blacklist/feed.ts'
import { Blacklist } from './blacklist/match.ts'
import { ADMIN_SCOPE } from './resources/resource.ts'
import { OPERATOR_CLIENT_ID } from './clients/client.ts'
import { ClientAuthentication } from './clients/authentication.ts'
import { ClientDirectory } from './clients/directory.ts'
import { ClientRegistry } from './clients/registration.ts'
import { ClientSecrets } from './clients/secret.ts'
import type { Clock } from './ground/clock.ts'
import type { Config } from './config/setting.ts'
import { onDemand } from './ground/on-demand.ts'
import { PasswordQueue } from './ground/hash-queue.ts'
import type { Lifetimes } from './grants/grant.ts'
import { ResourceDirectory } from './resources/directory.ts'
import { ResourceRegistry } from './resources/registration.ts'
import { Revocation } from './blacklist/revocation.ts'
import { Limits } from './limits/limits.ts'
import { KeyRing } from './keys/key-ring.ts'
import type { MasterKeys } from './keys/master-keys.ts'
import { KeyReaders } from './keys/readers.ts'
import { KeyRotation } from './keys/rotation.ts'
import type { Log } from './ground/log.ts'
import { Replica } from './replica.ts'
import type { Store } from './store/store.ts'
import { AccessTokens } from './tokens/access-token.ts'
import type { IdTokens } from './tokens/id-token.ts'
import { RefreshTokens } from './tokens/refresh-token.ts'
import { BackChannel } from './sessions/back-channel.ts'
import type { SessionEnds } from './sessions/ending.ts'
import type { GroupRegistry } from './users/group.ts'
import type { Invitations } from './users/invitation.ts'
import type { UserRegistry } from './users/registration.ts'
import { TokenState } from './tokens/token-state.ts'
import { Traffic } from './ground/traffic.ts'
import { UnderWay } from './ground/under-way.ts'

/** A wired issuer. Nothing listens yet. Each door and each command takes only the parts that it needs. */
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
  masterKeys: MasterKeys
  keys: KeyRing
  rotation: KeyRotation
  readers: KeyReaders
  clients: ClientDirectory
  resources: ResourceDirectory
  blacklist: Blacklist
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  idTokens: IdTokens
  authentication: ClientAuthentication
  clientRegistry: ClientRegistry
  resourceRegistry: ResourceRegistry
  revocation: Revocation
  tokenState: TokenState
  feed: BlacklistFeed
  backChannel: BackChannel
  sessionEnds: SessionEnds
  userRegistry: UserRegistry
  groupRegistry: GroupRegistry
  invitations: Invitations
  limits: Limits
  /** Requests whose work has not ended, also after their callers have left. */
  requests: UnderWay
  /** Slow hashes, of client secrets and of passwords. */
  hashQueue: PasswordQueue
  /** Live grants of one client and subject. */
  limitGrants: number
  /** Whether the service takes traffic; off while it starts or stops. */
  isReady(): boolean
  setReady(ready: boolean): void
  /** Writes down what was noted in memory since the last time. */
  writeNotes(): Promise<void>
  /** Ends what this process has under way, and writes the last notes. The database is closed after that. Never rejects. */
  finish(): Promise<void>
}

interface Surroundings {
  log: Log
  /** A command, beside which a server may run. */
  isCommand?: boolean
  /** The issuer that the start before served, given by a start that has noted its own already. */
  formerIssuer?: string | undefined
}

/** Opens the memory of this process, which follows the database from now on. */
async function openMemory(
  { masterKeys, keys }: { masterKeys: MasterKeys; keys: KeyRing },
  store: Store,
  issuer: string,
  log: Log,
) {
  const clients = await ClientDirectory.open(store)
  const resources = await ResourceDirectory.open(store, issuer)
  const blacklist = await Blacklist.open(store)
  const replica = new Replica(blacklist, [masterKeys, keys, clients, resources], log)
  store.onChange((changes) => replica.onChange(changes))
  return { clients, resources, blacklist }
}

/** @param issuer the issuer URL */
export async function wireIssuer(
  { store, masterKeys }: Opened,
  issuer: string,
  config: Config,
  { log, isCommand = false, formerIssuer }: Surroundings,
): Promise<Issuer> {
  // The database's time decides, also what is decided in memory.
  const clock: Clock = store.time
  const audit = new AuditTrail(store, clock, log)
  const keys = await KeyRing.open(store, masterKeys, audit)
  // Only now: a database that is known and has no keys has lost them.
  await rememberOpened(config, store)
  warnOfNewName(formerIssuer ?? (await store.findSetting('issuer')), issuer, config, log)
  const memory = await openMemory({ masterKeys, keys }, store, issuer, log)
  const shared = { traffic: new Traffic(), hashQueue: new PasswordQueue() }
  const base: Base = { issuer, config, clock, log, store, audit, masterKeys, keys, ...memory, ...shared }
  const tokens = tokensOf(base)
  const backChannel = new BackChannel({ ...base, allowed: config.outboundAllow, isCommand })
  const acts = actsOf(base, tokens)
  return {
    ...base,
    lifetimes: config,
    limitGrants: config.limitGrants,
    ...tokens,
    ...acts,
    ...ofPeople(base, () => backChannel.deliver()),
    backChannel,
    limits: new Limits({ config, issuer, clock, log }),
    requests: new UnderWay(),
    ...readinessOf(memory.blacklist),
    ...endOf({ ...base, ...acts, backChannel }),
  }
}

/** The parts that all others are made of. */
type Base = Pick<
  Issuer,
  | 'issuer'
  | 'config'
  | 'clock'
  | 'log'
  | 'store'
  | 'audit'
  | 'masterKeys'
  | 'keys'
  | 'clients'
  | 'resources'
  | 'blacklist'
  | 'traffic'
  | 'hashQueue'
>

type Tokens = Pick<Issuer, 'accessTokens' | 'refreshTokens' | 'tokenState'>

function tokensOf({ masterKeys, ...base }: Base): Tokens {
  const accessTokens = new AccessTokens(base)
  const refreshTokens = new RefreshTokens(masterKeys)
  return { accessTokens, refreshTokens, tokenState: new TokenState({ ...base, accessTokens, refreshTokens }) }
}

/** Authentication of clients, and the acts of administration. */
function actsOf(base: Base, { tokenState }: Tokens) {
  const { store, clock, config, masterKeys, hashQueue, traffic } = base
  const secrets = new ClientSecrets(masterKeys, traffic.cache('client_secret'), hashQueue)
  const rotation = new KeyRotation({ ...base, ring: base.keys, policy: config })
  const terms = { ...base, rotation, limitDenials: config.limitDenials }
  return {
    authentication: new ClientAuthentication({ ...base, allowed: config.outboundAllow, secrets }),
    clientRegistry: new ClientRegistry({ ...base, secrets }),
    resourceRegistry: new ResourceRegistry(base),
    rotation,
    readers: new KeyReaders(store, clock),
    revocation: new Revocation({ ...terms, ...administratorsOf(tokenState) }),
    feed: new BlacklistFeed(base.blacklist, clock),
  }
}

/** The notes that are written in the background, and the last of them. */
function endOf({
  audit,
  readers,
  authentication,
  backChannel,
  log,
}: Pick<Issuer, 'audit' | 'readers' | 'authentication' | 'backChannel' | 'log'>): Pick<
  Issuer,
  'writeNotes' | 'finish'
> {
  const writeNotes = async () => {
    await audit.flush()
    await readers.flush()
    await authentication.flushSecretUse()
  }
  return {
    writeNotes,
    async finish() {
      await backChannel.stop()
      await writeNotes().catch((error: unknown) => log.warn('notes could not be written', { reason: String(error) }))
    },
  }
}

/** Whether the service takes traffic. */
function readinessOf(blacklist: Blacklist): Pick<Issuer, 'isReady' | 'setReady'> {
  let ready = false
  return {
    isReady: () => ready,
    setReady(value) {
      ready = value
      // Followers of the feed look up, and leave where the service stops.
      blacklist.wakeFollowers()
    },
  }
}

/** The parts that people alone need. An issuer of services loads nothing of them. */
const ofPeople = ({ issuer, store, audit, keys, clock, hashQueue, config }: Base, deliver: () => void) => ({
  idTokens: onDemand<IdTokens>(async () => {
    const { IdTokens: Made } = await import('./tokens/id-token.ts')
    return new Made({ issuer, keys, clock, store, ttlSeconds: config.idTokenTtlSeconds })
  }),
  sessionEnds: onDemand<SessionEnds>(async () => {
    const { SessionEnds: Made } = await import('./sessions/ending.ts')
    return new Made({ store, audit, deliver })
  }),
  userRegistry: onDemand<UserRegistry>(async () => {
    const [{ UserRegistry: Made }, { Passwords }] = await Promise.all([
      import('./users/registration.ts'),
      import('./users/password.ts'),
    ])
    return new Made({ issuer, store, audit, passwords: new Passwords(hashQueue, config), deliver })
  }),
  groupRegistry: onDemand<GroupRegistry>(async () => {
    const { GroupRegistry: Made } = await import('./users/group.ts')
    return new Made({ store, audit })
  }),
  invitations: onDemand<Invitations>(async () => {
    const { Invitations: Made } = await import('./users/invitation.ts')
    return new Made({ issuer, store, audit })
  }),
})

const administratorsOf = (tokenState: TokenState) => ({
  isAdministrators: (name: string) => name === OPERATOR_CLIENT_ID || tokenState.isAdministrator(name),
  isAdministratorsScope: (scope: string[]) => scope.includes(ADMIN_SCOPE),
})

/** No warning where the system picks a port at each start: the name is new each time then. */
function warnOfNewName(before: string | undefined, issuer: string, config: Config, log: Log): void {
  if (before === undefined || before === issuer) return
  if (config.issuer === undefined && config.port === 0) return
  log.warn(
    `the issuer is ${issuer}, and was ${before} at the last start: tokens issued under the former name are refused, and verifiers that expect it refuse new ones`,
  )
}

/** The issuer URL where none is configured. */
export const localIssuer = (port: number): string => `http://localhost:${port}`

/** The configured issuer; without one, what was served last, since its port may have been picked at the start. */
export const issuerUrl = async (store: Store, config: Config): Promise<string> =>
  config.issuer ?? (await store.findSetting('issuer')) ?? localIssuer(config.port)
