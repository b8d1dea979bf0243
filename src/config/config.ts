/**
 * The configuration: the only module that reads the environment. Its only I/O is reading the `_FILE` forms and the logo.
 * All faults are told together, each by the name of the variable that was set.
 */
import { Fault } from '../ground/errors.ts'
import { isPostgresUrl } from '../ground/postgres-url.ts'
import { fetchedWithin } from '../ground/silence.ts'
import { findUnknown, readVariable, type Env, type Variable } from './variable.ts'
import { LATER_VARIABLES, readLater } from './later-variables.ts'
import { isExposedHttp, isLoopback } from './loopback.ts'
import type { Config, Setting } from './setting.ts'
import { VARIABLES } from './variables.ts'

/** The rows of the table in docs/reference.md, in order. */
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
  const { unserved, faults: ofLater } = readLater(env)
  const faults = [...findUnknown(env, [...Object.values<Variable>(VARIABLES), ...LATER_VARIABLES]), ...ofLater]
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
  values.signUpDomains ??= []
  values.outboundAllow ??= []
  values.trustedProxies ??= usualProxies(values.issuer)
  values.logFormat ??= process.stderr.isTTY ? 'pretty' : 'json'

  // Sound: VARIABLES has one parser for each field of Config, and every fault is thrown below.
  const config: Config = { ...(values as Pick<Config, Setting>), setBy, fileOf, unserved }
  if (faults.length === 0) faults.push(...checkTogether(config))
  if (faults.length > 0) throw new Fault(faults.join('\n'), 'docs/reference.md lists every variable with its default')
  return config
}

/**
 * An issuer of another name than this machine's needs a proxy for TLS, which commonly runs beside it. Callers of an
 * issuer on this machine call it directly, and could choose a new address for each guess at a password.
 */
const usualProxies = (issuer: unknown): readonly string[] =>
  typeof issuer !== 'string' || isLoopback(new URL(issuer).hostname) ? [] : ['loopback']

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
const checkTogether = (config: Config): string[] => [
  ...checkIssuerScheme(config),
  ...checkKeyTimes(config),
  ...checkSignUp(config),
  ...checkRpId(config),
]

function checkIssuerScheme(config: Config): string[] {
  const { issuer, allowHttp } = config
  if (issuer === undefined || allowHttp || !isExposedHttp(new URL(issuer))) return []
  return [`${variableOf(config, 'issuer')}: read ${JSON.stringify(issuer)}; accepted: ${VARIABLES.issuer.accepts}`]
}

function checkKeyTimes(config: Config): string[] {
  const marginSeconds = isPostgresUrl(config.databaseUrl) ? fetchedWithin() / 1000 : 0
  if (config.jwksMaxAgeSeconds + marginSeconds <= config.keyPrepublishSeconds) return []
  const prepublish = variableOf(config, 'keyPrepublishSeconds')
  const allowance = marginSeconds === 0 ? '' : ` less ${marginSeconds}s, for replicas that hear late`
  return [
    `${variableOf(config, 'jwksMaxAgeSeconds')} is ${config.jwksMaxAgeSeconds}s, longer than ${prepublish} (${config.keyPrepublishSeconds}s)${allowance}: ` +
      `a verifier with a cached key set would meet a key it has never seen; accepted is at most the prepublish time${allowance}`,
  ]
}

function checkSignUp(config: Config): string[] {
  const isLacking = config.signUp === 'domains' && config.signUpDomains.length === 0
  if (!isLacking) return []
  return [
    `${variableOf(config, 'signUp')} is domains, and SIGNET_SIGNUP_DOMAINS is not set; accepted: one domain at least`,
  ]
}

/** WebAuthn §5.1.2: the RP ID is the host of the page or a domain above it. */
function checkRpId(config: Config): string[] {
  const { issuer, rpId } = config
  const host = issuer === undefined ? 'localhost' : new URL(issuer).hostname
  if (rpId === undefined || host === rpId || host.endsWith(`.${rpId}`)) return []
  return [
    `${variableOf(config, 'rpId')} is ${rpId}, which is neither the issuer's host ${host} nor a domain above it: browsers would refuse every passkey; accepted: ${host}`,
  ]
}
