/**
 * Every `SIGNET_…` variable: name, default, accepted form, typed result. The only module that reads the environment. Its
 * only I/O is reading the `_FILE` forms. All faults are told together, each by the name of the variable that was set.
 */
import { isIP } from 'node:net'
import { DURATION_FORM, parseDuration } from './ground/duration.ts'
import { readTarget } from './ground/target.ts'
import { Fault } from './ground/errors.ts'
import type { LogLevel } from './ground/log.ts'
import { readKeyTexts } from './ground/key-text.ts'
import { pathFault, readFileUrl } from './ground/path-name.ts'
import { POSTGRES_FORM, isPostgresUrl, readPostgresUrl } from './ground/postgres-url.ts'
import { fetchedWithin } from './ground/silence.ts'
import { findUnknown, readVariable, Refusal, type Env, type Variable } from './ground/variable.ts'

export interface Config {
  /** The exact `iss`; `undefined` when not set, then it follows from the port. */
  issuer: string | undefined
  host: string
  port: number
  databaseUrl: string
  /** Connections to PostgreSQL at most, beside the one that listens. */
  databasePool: number
  keysDir: string
  /** Keys of 32 bytes in base64url, whichever form was given, when given instead of `keys/master.key`. */
  masterKeys: readonly string[] | undefined
  configFile: string | undefined
  accessTokenTtlSeconds: number
  refreshTokenTtlSeconds: number
  refreshGraceSeconds: number
  keyRotationSeconds: number
  keyPrepublishSeconds: number
  jwksMaxAgeSeconds: number
  auditRetentionSeconds: number
  /** `loopback`, addresses and CIDRs; empty where nobody is believed. */
  trustedProxies: readonly string[]
  /** Refused or unauthenticated requests of one network in a minute; `Infinity` for no limit. */
  networkRequestsPerMinute: number
  /** Authenticated requests of one client in a minute; `Infinity` for no limit. */
  clientRequestsPerMinute: number
  maxInFlight: number
  maxConnections: number
  /** How long an idle connection stays open. */
  keepAliveSeconds: number
  /** Standing denials of a client's own tokens; the next one replaces them all by one entry. */
  limitDenials: number
  /** Live grants of one client and subject; the next one ends the oldest. */
  limitGrants: number
  metricsToken: string | undefined
  logLevel: LogLevel | 'silent'
  logFormat: 'pretty' | 'json'
  /** For each value that was set: the name of the variable that set it (`SIGNET_X`, `SIGNET_X_FILE` or `PORT`). */
  setBy: Partial<Record<Setting, string>>
  /** For each value that a `_FILE` form gave: the path of the file. */
  fileOf: Partial<Record<Setting, string>>
}

/** The values that variables set. */
type Setting = Exclude<keyof Config, 'setBy' | 'fileOf'>

const duration =
  (least: number, most = Infinity) =>
  (text: string) => {
    const seconds = parseDuration(text)
    return seconds !== undefined && seconds >= least && seconds <= most ? seconds : undefined
  }
const oneOf =
  (...words: string[]) =>
  (text: string) =>
    words.includes(text) ? text : undefined
const path = (value: string) => {
  const why = pathFault(value)
  return why === undefined ? value : new Refusal(why)
}
const databaseUrl = (value: string) => {
  if (!/^(file|postgres|postgresql):/i.test(value)) return undefined
  const read = isPostgresUrl(value) ? readPostgresUrl(value) : readFileUrl(value)
  return 'why' in read ? new Refusal(read.why) : value
}
const integer = (least: number, most: number) => (value: string) =>
  /^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined
const lengthOf = (value: string) => `${value.length} characters`
/** A URL without its password: what stands between the user and the last @, and the query. */
const withoutPassword = (value: string) =>
  JSON.stringify(value.replace(/^((?:[a-z][a-z0-9+.-]*:\/\/)?[^:/@]*):.*@/is, '$1:…@').replace(/\?.*$/s, '?…'))
const rate = (value: string) => (value === 'off' ? Infinity : integer(1, 1_000_000_000)(value))

const VARIABLES = {
  issuer: {
    name: 'SIGNET_ISSUER',
    standard: undefined,
    accepts:
      'an https URL without query or fragment, its path in normal form (http only for localhost, *.localhost, 127.0.0.0/8 or [::1])',
    meaning: 'issuer URL, the exact `iss` of every token; `http://localhost:<port>` when not set',
    parse: parseIssuer,
  },
  host: {
    name: 'SIGNET_HOST',
    standard: '127.0.0.1',
    accepts: 'a host name or address',
    meaning: 'address to listen on',
    parse: parseHost,
  },
  port: {
    name: 'SIGNET_PORT',
    standard: '3000',
    accepts: 'a port from 0 to 65535',
    meaning: 'port to listen on (`PORT` is read too); 0 picks one and prints it',
    parse: (value) => (/^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : undefined),
  },
  databaseUrl: {
    name: 'SIGNET_DATABASE_URL',
    standard: 'file:data/signet.db',
    accepts: `file:<path> of a SQLite database, or ${POSTGRES_FORM}`,
    meaning:
      'where everything is kept: `file:` and a path, which starts at the working directory where it is relative, or `postgres://user:password@host:5432/database`',
    parse: databaseUrl,
    shown: withoutPassword,
  },
  databasePool: {
    name: 'SIGNET_DATABASE_POOL',
    standard: '10',
    accepts: 'a whole number from 2 to 1000',
    meaning: 'connections to PostgreSQL that this process holds at most; one more listens for changes',
    parse: integer(2, 1000),
  },
  keysDir: {
    name: 'SIGNET_KEYS_DIR',
    standard: 'keys',
    accepts: 'the path of a folder',
    meaning: 'holds `master.key`, which seals the private signing keys in the database; one key a line',
    parse: path,
  },
  masterKeys: {
    name: 'SIGNET_MASTER_KEY',
    standard: undefined,
    accepts:
      '32 bytes in base64url or base64 (43 characters, or 44 with the = at the end); several keys separated by commas or blanks',
    meaning:
      'the master key itself, from a secret store, instead of the file; several keys are separated by commas or blanks',
    parse: readKeyTexts,
    shown: lengthOf,
  },
  configFile: {
    name: 'SIGNET_CONFIG',
    standard: undefined,
    accepts: 'the path of a YAML or JSON file',
    meaning: 'declarative file of clients and resources, applied at start',
    parse: path,
  },
  accessTokenTtlSeconds: {
    name: 'SIGNET_ACCESS_TOKEN_TTL',
    standard: '15m',
    accepts: `${DURATION_FORM}, at least 1s`,
    meaning: 'life of an access token, unless its client or resource says otherwise',
    parse: duration(1),
  },
  refreshTokenTtlSeconds: {
    name: 'SIGNET_REFRESH_TOKEN_TTL',
    standard: '30d',
    accepts: `${DURATION_FORM}, at least 1s`,
    meaning: 'life of a refresh token family from its first token; rotation never extends it',
    parse: duration(1),
  },
  refreshGraceSeconds: {
    name: 'SIGNET_REFRESH_GRACE',
    standard: '10s',
    accepts: DURATION_FORM,
    meaning: 'how long a used refresh token may be repeated while its successor is unused; 0 for never',
    parse: duration(0),
  },
  keyRotationSeconds: {
    name: 'SIGNET_KEY_ROTATION',
    standard: '30d',
    accepts: `${DURATION_FORM}, at least 1s`,
    meaning: 'how long a key signs before the next one takes over',
    parse: duration(1),
  },
  keyPrepublishSeconds: {
    name: 'SIGNET_KEY_PREPUBLISH',
    standard: '1d',
    accepts: `${DURATION_FORM}, at least SIGNET_JWKS_MAX_AGE, and ${fetchedWithin() / 1000} s more on PostgreSQL`,
    meaning: `how long a key is published before it signs; at least \`SIGNET_JWKS_MAX_AGE\`, and ${fetchedWithin() / 1000} s more on PostgreSQL`,
    parse: duration(0),
  },
  jwksMaxAgeSeconds: {
    name: 'SIGNET_JWKS_MAX_AGE',
    standard: '5m',
    accepts: `${DURATION_FORM}, at most 15m and at most SIGNET_KEY_PREPUBLISH`,
    meaning: 'how long the key set may be cached; at most `15m`, and at most `SIGNET_KEY_PREPUBLISH`',
    parse: (value) => {
      const seconds = parseDuration(value)
      return seconds !== undefined && seconds <= 900 ? seconds : undefined
    },
  },
  auditRetentionSeconds: {
    name: 'SIGNET_AUDIT_RETENTION',
    standard: '400d',
    accepts: `${DURATION_FORM}, at least 1s`,
    meaning: 'how long the audit trail is kept, and the public halves of the keys that it speaks of',
    parse: duration(1),
  },
  trustedProxies: {
    name: 'SIGNET_TRUSTED_PROXIES',
    standard: 'loopback',
    accepts: 'a list, with commas, of addresses, CIDRs and `loopback`; or none',
    meaning: 'whose `X-Forwarded-For` is believed; the last address in it that is not one of these is the caller',
    parse: parseProxies,
  },
  networkRequestsPerMinute: {
    name: 'SIGNET_RATE_LIMIT_NETWORK',
    standard: '3000',
    accepts: 'a whole number from 1, or off',
    meaning: 'refused or unauthenticated requests of one address (IPv6: /64) in a minute, then 429; `off` for no limit',
    parse: rate,
  },
  clientRequestsPerMinute: {
    name: 'SIGNET_RATE_LIMIT_CLIENT',
    standard: '3000000',
    accepts: 'a whole number from 1, or off',
    meaning: 'authenticated requests of one client in a minute, then 429; `off` for no limit',
    parse: rate,
  },
  maxInFlight: {
    name: 'SIGNET_MAX_IN_FLIGHT',
    standard: '5000',
    accepts: 'a whole number from 1 to 100000',
    meaning: 'requests that are answered at the same time; beyond, 503',
    parse: integer(1, 100_000),
  },
  maxConnections: {
    name: 'SIGNET_MAX_CONNECTIONS',
    standard: '10000',
    accepts: 'a whole number from 1 to 1000000',
    meaning: 'connections at the same time; beyond, the one that has been silent longest is closed',
    parse: integer(1, 1_000_000),
  },
  keepAliveSeconds: {
    name: 'SIGNET_KEEP_ALIVE',
    standard: '75s',
    accepts: `${DURATION_FORM}, from 1s to 1d`,
    meaning:
      'how long an idle connection stays open; set it longer than the proxy in front keeps one (AWS 60s, Google 600s)',
    parse: duration(1, 86_400),
  },
  limitDenials: {
    name: 'SIGNET_LIMIT_DENIALS',
    standard: '1000',
    accepts: 'a whole number from 1 to 1000000',
    meaning: "standing denials of a client's own tokens; the next one replaces them by one entry for all its tokens",
    parse: integer(1, 1_000_000),
  },
  limitGrants: {
    name: 'SIGNET_LIMIT_GRANTS',
    standard: '1000',
    accepts: 'a whole number from 1 to 1000000',
    meaning: 'live grants of one client and subject; the next one ends the oldest',
    parse: integer(1, 1_000_000),
  },
  metricsToken: {
    name: 'SIGNET_METRICS_TOKEN',
    standard: undefined,
    accepts: '16 characters or more, as a Bearer token is written (RFC 6750 §2.1)',
    meaning:
      'what a scraper of `/metrics` sends as its Bearer token: 16 characters or more; `openssl rand -hex 32` makes one',
    parse: (value) => (/^[A-Za-z0-9\-._~+/]{16,}=*$/.test(value) ? value : undefined),
    shown: lengthOf,
  },
  logLevel: {
    name: 'SIGNET_LOG_LEVEL',
    standard: 'info',
    accepts: 'debug, info, warn, error or silent',
    meaning: 'how much is logged, to stderr',
    parse: oneOf('debug', 'info', 'warn', 'error', 'silent'),
  },
  logFormat: {
    name: 'SIGNET_LOG_FORMAT',
    standard: undefined,
    accepts: 'pretty or json',
    meaning: '`pretty` on a terminal, else `json`',
    parse: oneOf('pretty', 'json'),
  },
} satisfies Record<Setting, Variable>

/** The rows of the README's table, in order. */
export const VARIABLE_TABLE = Object.values<Variable>(VARIABLES).map(({ name, standard, meaning }) => ({
  name,
  standard,
  meaning,
}))

/**
 * Reads the configuration from an environment.
 * @throws Fault naming every variable at fault, what was read and what is accepted.
 */
export function readConfig(env: Env): Config {
  const faults = findUnknown(env, Object.values<Variable>(VARIABLES))
  const values: { [setting in Setting]?: unknown } = {}
  const setBy: Config['setBy'] = {}
  const fileOf: Config['fileOf'] = {}
  for (const [field, variable] of Object.entries<Variable>(VARIABLES)) {
    // The keys of VARIABLES are the settings.
    const setting = field as Setting
    const read = readVariable(env, variable)
    if ('fault' in read) faults.push(read.fault)
    else values[setting] = read.value
    if ('setBy' in read) setBy[setting] = read.setBy
    if ('file' in read) fileOf[setting] = read.file
  }
  values.logFormat ??= process.stderr.isTTY ? 'pretty' : 'json'

  // Sound: VARIABLES has one parser for each field of Config, and every fault is thrown below.
  const config: Config = { ...(values as Omit<Config, 'setBy' | 'fileOf'>), setBy, fileOf }
  if (faults.length === 0) faults.push(...checkTogether(config))
  if (faults.length > 0) throw new Fault(faults.join('\n'), 'the README lists every variable with its default')
  return config
}

/**
 * The URL of a database that a flag gives.
 * @throws Fault that names the flag, what was read and what is accepted
 */
export function readDatabaseUrl(flag: string, text: string): string {
  const read = readVariable({ [flag]: text }, { ...VARIABLES.databaseUrl, name: flag, standard: '' })
  if ('value' in read && typeof read.value === 'string') return read.value
  throw new Fault('fault' in read ? read.fault : `${flag} is empty; accepted: ${VARIABLES.databaseUrl.accepts}`)
}

/** The name by which messages call the variable of a setting: the one that was set, else its own. */
const variableOf = ({ setBy }: Pick<Config, 'setBy'>, setting: Setting): string =>
  setBy[setting] ?? VARIABLES[setting].name

/** The faults that only several variables together show. */
function checkTogether(config: Config): string[] {
  const marginSeconds = isPostgresUrl(config.databaseUrl) ? fetchedWithin() / 1000 : 0
  if (config.jwksMaxAgeSeconds + marginSeconds <= config.keyPrepublishSeconds) return []
  const prepublish = variableOf(config, 'keyPrepublishSeconds')
  const allowance = marginSeconds === 0 ? '' : ` less ${marginSeconds}s, for replicas that hear late`
  return [
    `${variableOf(config, 'jwksMaxAgeSeconds')} is ${config.jwksMaxAgeSeconds}s, longer than ${prepublish} (${config.keyPrepublishSeconds}s)${allowance}: ` +
      `a verifier with a cached key set would meet a key it has never seen; accepted is at most the prepublish time${allowance}`,
  ]
}

function parseIssuer(value: string): string | undefined {
  // A space, query or fragment can be no part of it (RFC 8414 §2); the string itself is kept as written.
  if (!/^https?:\/\/[^\s?#]+$/.test(value) || !URL.canParse(value)) return undefined
  const url = new URL(value)
  if (url.username || url.password) return undefined
  // Requests to a path in another form are refused, so nothing below such an issuer could be reached.
  if (readTarget(value) === undefined || /[^\x21-\x7E]/.test(value)) return undefined
  return url.protocol === 'https:' || isLoopback(url.hostname) ? value : undefined
}

/** Addresses and CIDRs as written; a zone (`%eth0`) is none of an address's network. */
function parseProxies(value: string): string[] | undefined {
  if (value === 'none') return []
  const parts = value.split(',').map((part) => part.trim())
  const isGood = (part: string) => {
    const [address = '', bits, ...more] = part.split('/')
    const most = { 4: 32, 6: 128 }[isIP(address)]
    if (most === undefined || address.includes('%') || more.length > 0) return false
    return bits === undefined || integer(0, most)(bits) !== undefined
  }
  return parts.every((part) => part === 'loopback' || isGood(part)) ? parts : undefined
}

/** An address may be in the brackets that a URL needs; the system takes it without. */
function parseHost(value: string): string | undefined {
  const inBrackets = /^\[(.*)\]$/.exec(value)?.[1]
  if (inBrackets !== undefined) return isIP(inBrackets) === 6 ? inBrackets : undefined
  return isIP(value) !== 0 || /^[A-Za-z0-9._-]+$/.test(value) ? value : undefined
}

/** Whether a URL's host can only be this machine (RFC 6761 §6.3, RFC 5735 §3, RFC 4291 §2.5.3). */
export function isLoopback(hostname: string): boolean {
  return /(^|\.)localhost$/.test(hostname) || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}
