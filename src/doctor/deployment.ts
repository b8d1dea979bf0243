/** Whether this deployment is sound. The check changes nothing, and makes no database where none is. */
import { join } from 'node:path'
import { fromSeconds, systemClock, toIso, type Instant } from '../ground/clock.ts'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/setting.ts'
import { UNPROVEN_DOMAINS, takesUnprovenDomains } from '../config/sign-up.ts'
import { issuerUrl, localIssuer } from '../issuer.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { dueAt, isKnownToCaches } from '../keys/rotation.ts'
import { openStore } from '../store/open.ts'
import { SHARED_RING, type SigningKeyRecord } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import { listKnownOthers } from '../database.ts'
import { bad, failed, good, warn, type Check } from './check.ts'
import { checkClientKeys } from './client-keys.ts'
import { checkClock } from './clock.ts'
import { checkCookies, checkPeople } from './people.ts'
import { checkMasterKeyFile, checkMasterKeys } from './master-keys.ts'
import { describeMissing, findMissing } from './missing-database.ts'
import { checkReadiness } from './remote-readiness.ts'
import { lookAtIssuer, type RemoteIssuer } from './remote-issuer.ts'

/** How late a rotation may be before it is a finding: the server tries every few seconds. */
const LATE_MS = 3_600_000

/** All checks of the deployment that an environment configures. Never rejects for a fault of the deployment. */
export async function checkDeployment(env: NodeJS.ProcessEnv): Promise<Check[]> {
  const node = checkNode()
  let config: Config
  try {
    config = readConfig(env)
  } catch (error) {
    return [node, failed('configuration', error)]
  }
  const { checks, issuer, isForPeople = false, signing = [] } = await checkDatabase(config)
  const remote = await lookAtIssuer({
    issuer,
    jwksUri: undefined,
    prepublishSeconds: config.keyPrepublishSeconds,
    allowsHttp: config.allowHttp,
    unreachableFix: 'start it with: signet serve; where it runs, SIGNET_ISSUER must lead there from here',
  })
  return [
    node,
    good('configuration', `issuer ${issuer}`),
    ...checkUnserved(config),
    ...checkSignUp(config),
    await checkMasterKeyFile(config),
    ...checks,
    ...remote.checks,
    ...checkServedKeys(signing, remote),
    ...(remote.jwks ? await checkReadiness(issuer, config) : []),
    ...(isForPeople && remote.jwks ? [await checkCookies(issuer)] : []),
  ]
}

function checkNode(): Check {
  const found = `Node ${process.versions.node}`
  return Number(process.versions.node.split('.')[0]) >= 24
    ? good('node', found)
    : bad('node', found, 'run it with Node 24 or newer')
}

/** Variables of parts that this version does not have. */
const checkUnserved = ({ unserved }: Config): Check[] =>
  unserved.length === 0
    ? []
    : [warn('unserved variables', unserved.join('; '), 'take them out, or leave them to a version that has this part')]

const checkSignUp = (config: Config): Check[] =>
  takesUnprovenDomains(config) ? [warn('sign-up', UNPROVEN_DOMAINS.found, UNPROVEN_DOMAINS.fix)] : []

/** A key that signs was published long before, so a key set without it is made of another database. */
function checkServedKeys(signing: string[], { jwks, jwksUri }: RemoteIssuer): Check[] {
  if (!jwks) return []
  const served = new Set(jwks.keys.map(({ kid }) => kid))
  const lacking = signing.filter((kid) => !served.has(kid))
  if (lacking.length === 0) return []
  return [
    bad(
      'database served',
      `the key ${lacking.join(' and ')} of this database is not at ${jwksUri}: the server there has another database`,
      'set SIGNET_DATABASE_URL and SIGNET_KEYS_DIR as that server has them, or SIGNET_ISSUER to the server of this database',
    ),
  ]
}

interface DatabaseChecks {
  checks: Check[]
  issuer: string
  isForPeople?: boolean
  /** Ids of the keys that sign, of the shared rings. */
  signing?: string[]
}

async function checkDatabase(config: Config): Promise<DatabaseChecks> {
  const fallback = config.issuer ?? localIssuer(config.port)
  let store: Store
  try {
    const missing = await findMissing(config)
    if (missing !== undefined)
      return { checks: [failed('database', describeMissing(missing, config))], issuer: fallback }
    store = await openStore(config.databaseUrl, { clock: systemClock, mustExist: true })
  } catch (error) {
    return { checks: [failed('database', error)], issuer: fallback }
  }
  try {
    return {
      checks: await checkStore(store, config),
      issuer: await issuerUrl(store, config),
      isForPeople: await store.hasUsers(),
      signing: (await store.listKeys())
        .filter(({ ring, status }) => ring === SHARED_RING && status === 'active')
        .map(({ kid }) => kid),
    }
  } finally {
    await store.close()
  }
}

async function checkStore(store: Store, config: Config): Promise<Check[]> {
  const keys = await store.listKeys()
  return [
    ...(await store.examine()),
    good('migrations', 'all applied'),
    ...(await checkOthers(config, store)),
    ...(await checkMasterKeys(store, keys, config)),
    ...checkRings(keys, store.now(), config),
    ...(await checkClientKeys(store, config)),
    ...(await checkPeople(store, config)),
    ...(await checkClock(store, keys)),
  ]
}

/**
 * After a start at a misspelt path there are two databases beside one keys folder. So there are after a move, until the
 * former database is put away.
 */
async function checkOthers(config: Config, store: Store): Promise<Check[]> {
  const others = await listKnownOthers(config, store)
  if (others.length === 0) return []
  return [
    warn(
      'other databases',
      `the keys in ${config.keysDir} belong to ${others.join(', ')} too`,
      `set SIGNET_DATABASE_URL to the one that is meant; where another is out of use, put it away, and take its line out of ${join(config.keysDir, 'databases')}`,
    ),
  ]
}

/** The shared key ring of each algorithm, which has to exist, and the rings of resources with keys of their own. */
function checkRings(keys: SigningKeyRecord[], now: Instant, config: Config): Check[] {
  const rings = new Map<string, SigningKeyRecord[]>(SIGNING_ALGORITHMS.map((alg) => [`keys ${alg}`, []]))
  for (const key of keys) {
    const name = `keys ${key.alg}${key.ring === SHARED_RING ? '' : ` of ${key.ring}`}`
    rings.set(name, [...(rings.get(name) ?? []), key])
  }
  return [...rings].filter(([, ring]) => !isAtRest(ring)).map(([name, ring]) => checkRing(name, ring, now, config))
}

/** No resource uses such a ring any more: it was given up for the shared keys or another algorithm, or deleted. */
const isAtRest = (ring: SigningKeyRecord[]): boolean =>
  ring.some((key) => key.ring !== SHARED_RING) && !ring.some(({ status }) => status === 'active' || status === 'next')

function checkRing(check: string, ring: SigningKeyRecord[], now: Instant, config: Config): Check {
  const active = ring.filter(({ status }) => status === 'active')
  const next = ring.filter(({ status }) => status === 'next')
  const [signing] = active
  const [coming] = next
  if (!signing && coming && coming.ring !== SHARED_RING) return checkFirstKey(check, coming, now, config)
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

/** The first key of a resource that had none of its own: the shared keys sign until caches know it. */
function checkFirstKey(check: string, { kid, createdAt }: SigningKeyRecord, now: Instant, config: Config): Check {
  const due = createdAt + fromSeconds(config.keyPrepublishSeconds)
  const found = `the first key ${kid} signs from ${toIso(due)}, and until then the shared keys`
  return now <= due + LATE_MS
    ? good(check, found)
    : bad(
        check,
        `${found}, which is overdue`,
        'a running signet serve does it by itself; now: signet key rotate --resource ID',
      )
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
