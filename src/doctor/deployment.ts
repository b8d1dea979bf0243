/** Whether this deployment is sound. The check changes nothing, and makes no database where none is. */
import { existsSync, statSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { CLOCK_SKEW_SECONDS, fromSeconds, systemClock, toIso, type Instant } from '../ground/clock.ts'
import { readConfig, type Config } from '../config.ts'
import { Fault, Unavailable } from '../ground/errors.ts'
import { codeOf, describeRefusal, modeOf } from '../ground/file-access.ts'
import { issuerUrl, localIssuer } from '../issuer.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { isKnownDatabase } from '../keys/known-databases.ts'
import {
  describeMasterKeyPlace,
  findLooseModes,
  isOrdinary,
  masterKeyFile,
  readMasterKey,
  type MasterKey,
} from '../keys/master-key.ts'
import { dueAt, isKnownToCaches } from '../keys/rotation.ts'
import { checkWriteLock, databaseFile, openStore } from '../store/open.ts'
import { SHARED_RING, type SigningKeyRecord } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import { bad, good, type Check } from './check.ts'
import { checkDiskSpace } from './disk-space.ts'
import { describeMissing, findMissing } from './missing-database.ts'
import { lookAtIssuer } from './remote-issuer.ts'

/** How late a rotation may be before it is a finding: the server tries every few seconds. */
const LATE_MS = 3_600_000

export async function checkDeployment(env: NodeJS.ProcessEnv): Promise<Check[]> {
  const node = checkNode()
  let config: Config
  try {
    config = readConfig(env)
  } catch (error) {
    return [node, failed('configuration', error)]
  }
  const { checks, issuer } = await checkDatabase(config)
  const remote = await lookAtIssuer({
    issuer,
    jwksUri: undefined,
    prepublishSeconds: config.keyPrepublishSeconds,
    unreachableFix: 'start it with: signet serve; where it runs, SIGNET_ISSUER must lead there from here',
  })
  return [node, good('configuration', `issuer ${issuer}`), checkMasterKeyFile(config), ...checks, ...remote.checks]
}

function checkNode(): Check {
  const found = `Node ${process.versions.node}`
  return Number(process.versions.node.split('.')[0]) >= 24
    ? good('node', found)
    : bad('node', found, 'run it with Node 24 or newer')
}

/** An error as a check. */
function failed(check: string, error: unknown): Check {
  if (error instanceof Fault) return bad(check, error.message.replaceAll('\n', '; '), error.help ?? null)
  if (error instanceof Unavailable) return bad(check, error.message, 'another process holds the database: try again')
  throw error
}

function checkMasterKeyFile(config: Config): Check {
  const { masterKey, keysDir } = config
  if (masterKey !== undefined) return good('master key file', 'not used: the key comes from SIGNET_MASTER_KEY')
  const file = masterKeyFile(keysDir)
  let stats: Stats | undefined
  try {
    stats = statSync(file, { throwIfNoEntry: false })
  } catch (error) {
    const found = `${file} cannot be read (${describeRefusal(file, codeOf(error))})`
    return bad('master key file', found, 'make it readable for the user that runs Signet')
  }
  if (!stats)
    return bad(
      'master key file',
      `${file} is missing`,
      hasDatabase(config)
        ? 'put it back from your backup, or give the key in SIGNET_MASTER_KEY: no new one is made for an existing database'
        : 'put it back from your backup; for a new deployment signet serve makes one',
    )
  const folder = dirname(file)
  const modes = [modeOf(stats), modeOf(statSync(folder))]
  const found = `${file} is ${modes[0]} in a folder that is ${modes[1]}`
  // A stricter mode than 0600 and 0700 is as good. The mode of a folder that a platform prepared is its own business.
  const isLoose = isOrdinary(folder)
    ? modes.some((mode) => !mode.endsWith('00'))
    : findLooseModes(config).some(({ isOurs }) => isOurs)
  return isLoose
    ? bad('master key file', found, `chmod 700 ${folder} && chmod 600 ${file}`)
    : good('master key file', found)
}

/** Whether there is a database, or was one: then its keys are sealed already. */
function hasDatabase({ databaseUrl, keysDir }: Config): boolean {
  const file = databaseFile(databaseUrl)
  return file !== undefined && (existsSync(file) || isKnownDatabase(keysDir, file))
}

async function checkDatabase(config: Config): Promise<{ checks: Check[]; issuer: string }> {
  const fallback = config.issuer ?? localIssuer(config.port)
  let store: Store
  try {
    const missing = findMissing(config)
    if (missing !== undefined)
      return { checks: [failed('database', describeMissing(missing, config))], issuer: fallback }
    store = await openStore(config.databaseUrl, { clock: systemClock, mustExist: true })
  } catch (error) {
    return { checks: [failed('database', error)], issuer: fallback }
  }
  try {
    return { checks: await checkStore(store, config), issuer: await issuerUrl(store, config) }
  } finally {
    await store.close()
  }
}

async function checkStore(store: Store, config: Config): Promise<Check[]> {
  const { location, settings, integrity, sizeBytes, journalBytes } = await store.facts({ integrity: true })
  const keys = await store.listKeys()
  return [
    integrity === 'ok'
      ? good('database', `${location}, ${sizeBytes} bytes, sound`)
      : bad('database', `${location} is damaged: ${integrity}`, 'stop Signet and restore a backup'),
    await checkLock(config),
    await checkDiskSpace(location, sizeBytes + journalBytes),
    good('migrations', 'all applied'),
    checkDurability(settings),
    await checkMasterKey(store, keys, config),
    ...checkRings(keys, store.now(), config),
    await checkLocalClock(store),
  ]
}

/** While another process holds the lock, reads go on, and refreshes and revocations fail. */
async function checkLock({ databaseUrl }: Config): Promise<Check> {
  try {
    await checkWriteLock(databaseUrl)
    return good('database lock', 'free: nobody keeps others from writing')
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const fix = `find who it is, and end it: fuser -v ${databaseFile(databaseUrl)} (one of them is Signet)`
    return bad('database lock', `nothing can be written: ${error.message}`, fix)
  }
}

function checkDurability({ journal_mode: journal, synchronous }: Record<string, string | number>): Check {
  const found = `journal_mode ${journal}, synchronous ${synchronous}`
  return journal === 'wal' && Number(synchronous) >= 2
    ? good('durability', found)
    : bad('durability', found, 'keep the database on a local disk')
}

/** Whether the master key opens the signing keys of the database. */
async function checkMasterKey(store: Store, keys: SigningKeyRecord[], config: Config): Promise<Check> {
  try {
    const masterKey = readMasterKey(config)
    const sealedUnder = await store.findSetting('master_key_id')
    if (!masterKey)
      return bad(
        'master key',
        'there is none',
        'put the original file back, or give the key in SIGNET_MASTER_KEY; lost for good: docs/operating.md, "The master key is lost"',
      )
    if (sealedUnder !== undefined && sealedUnder !== masterKey.id) {
      return bad(
        'master key',
        `it is ${masterKey.id}, the database was sealed under ${sealedUnder}`,
        `put the original key back in ${describeMasterKeyPlace(config)}, or point SIGNET_DATABASE_URL at the database of this key`,
      )
    }
    return await checkSeals(masterKey, keys)
  } catch (error) {
    return failed('master key', error)
  }
}

async function checkSeals(masterKey: MasterKey, keys: SigningKeyRecord[]): Promise<Check> {
  const sealed = keys.filter(({ status }) => status === 'active' || status === 'next')
  for (const { sealedPrivateKey } of sealed) await masterKey.unseal(sealedPrivateKey)
  return good('master key', `${masterKey.id} opens ${sealed.length} signing keys`)
}

/** The shared key ring of each algorithm, which has to exist, and the rings of resources with keys of their own. */
function checkRings(keys: SigningKeyRecord[], now: Instant, config: Config): Check[] {
  const rings = new Map<string, SigningKeyRecord[]>(SIGNING_ALGORITHMS.map((alg) => [`keys ${alg}`, []]))
  for (const key of keys) {
    const name = `keys ${key.alg}${key.ring === SHARED_RING ? '' : ` of ${key.ring}`}`
    rings.set(name, [...(rings.get(name) ?? []), key])
  }
  return [...rings].map(([name, ring]) => checkRing(name, ring, now, config))
}

function checkRing(check: string, ring: SigningKeyRecord[], now: Instant, config: Config): Check {
  const active = ring.filter(({ status }) => status === 'active')
  const next = ring.filter(({ status }) => status === 'next')
  const [signing] = active
  const [coming] = next
  if (!signing || !coming || active.length > 1 || next.length > 1) {
    return bad(
      check,
      `${active.length} active and ${next.length} next keys, where one of each belongs`,
      'signet serve makes the first ones; else restore a backup',
    )
  }
  const due = dueAt(signing, config.keyRotationSeconds)
  const retiring = ring.filter(({ status }) => status === 'retiring').length
  const found = `active ${signing.kid}, next ${coming.kid} ${describeReadiness(signing, coming, now, config)}, ${retiring} retiring, rotation due ${toIso(due)}`
  return now <= due + LATE_MS
    ? good(check, found)
    : bad(check, `${found}, which is overdue`, 'a running signet serve rotates by itself; now: signet key rotate')
}

function describeReadiness(
  active: SigningKeyRecord,
  next: SigningKeyRecord,
  now: Instant,
  { keyPrepublishSeconds }: Config,
): string {
  return isKnownToCaches(next, active, now, keyPrepublishSeconds)
    ? '(published long enough to sign)'
    : `(may sign from ${toIso(next.createdAt + fromSeconds(keyPrepublishSeconds))})`
}

/** A clock that was set back makes expired tokens valid again, and dates new tokens wrongly. */
async function checkLocalClock(store: Store): Promise<Check> {
  const [latest] = await store.listAudit({ limit: 1 })
  const now = store.now()
  if (!latest || latest.at <= now + fromSeconds(CLOCK_SKEW_SECONDS))
    return good('local clock', `${toIso(now)}, after everything that is on record`)
  return bad(
    'local clock',
    `it is ${toIso(now)}, but something on record happened at ${toIso(latest.at)}`,
    'set the clock by NTP, and wait until it has passed that time',
  )
}
