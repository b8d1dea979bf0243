/** Checks of everything that people need to sign in. An issuer of services alone gets none of them. */
import type { Config } from '../config/setting.ts'
import { shell } from '../ground/shell-word.ts'
import { issuerUrl } from '../issuer.ts'
import { AllowedHosts } from '../outbound/allowed.ts'
import type { Person } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import { isOperator } from '../users/person.ts'
import { bad, good, warn, type Check } from './check.ts'

/** Persons and logout tokens that are read in one step. */
const STEP = 500
/** Names that one line tells. */
const MOST_NAMES = 5
/** A logout token with this many failed attempts has been owed for minutes. */
const LATE_ATTEMPTS = 3
const WITHIN_MS = 5000

/** Empty for an issuer without users. */
export async function checkPeople(store: Store, config: Config): Promise<Check[]> {
  if (!(await store.hasUsers())) return []
  const issuer = await issuerUrl(store, config)
  return [
    await checkRpId(store, config, issuer),
    await checkOperators(store),
    await checkLogoutAddresses(store, config),
    await checkOwedLogouts(store),
  ]
}

/** Browsers give passkeys to one domain alone (WebAuthn §5.1.2). */
async function checkRpId(store: Store, config: Config, issuer: string): Promise<Check> {
  const check = 'passkey domain'
  const rpId = config.rpId ?? new URL(issuer).hostname
  const before = await store.findSetting('rp_id')
  if (before === undefined || before === rpId) return good(check, rpId)
  const found = `${rpId}, and the last start bound passkeys to ${before}`
  return (await store.hasPasskeys())
    ? bad(check, found, `SIGNET_RP_ID=${before} keeps them; without them: signet serve --lose-passkeys`)
    : good(check, `${found}; there are none yet`)
}

/** An operator may do everything, so a stolen password must not be enough. */
async function checkOperators(store: Store): Promise<Check> {
  const check = 'operators'
  const operators = (await listPersons(store)).filter((each) => each.user.disabledAt === null && isOperator(each))
  const bare = operators.filter(({ user, factors }) => user.totpSecret === null && factors.passkeys === 0)
  if (operators.length === 0)
    return warn(check, 'no user has the permission signet:admin', 'make one: signet invite --admin')
  if (bare.length === 0) return good(check, `${operators.length}, each with a second factor or a passkey`)
  return warn(
    check,
    `without a second factor: ${some(bare.map(({ user }) => user.username))}`,
    'each adds a passkey or an app at /account; SIGNET_MFA=required asks everybody for it',
  )
}

export async function listPersons(store: Store): Promise<Person[]> {
  const all: Person[] = []
  for (;;) {
    const page = await store.listPersons({}, { after: all.at(-1)?.user.id, limit: STEP })
    all.push(...page)
    if (page.length < STEP) return all
  }
}

/** Some names, and how many more there are. */
export const some = (names: readonly string[]): string =>
  names.length > MOST_NAMES
    ? `${names.slice(0, MOST_NAMES).join(', ')} and ${names.length - MOST_NAMES} more`
    : names.join(', ')

/** The addresses to which logout tokens go, as they are written: where a name leads is known when it is asked. */
async function checkLogoutAddresses(store: Store, config: Config): Promise<Check> {
  const check = 'outbound requests'
  const allowed = new AllowedHosts(config.outboundAllow)
  const addresses = (await store.listClients()).flatMap(({ clientId, backchannelLogoutUri: uri }) =>
    uri === null ? [] : [{ clientId, url: new URL(uri) }],
  )
  const refused = addresses.filter(({ url }) => !allowed.mayAsk(url))
  const [first] = refused
  if (!first) return good(check, `logout addresses that may be asked: ${addresses.length}`)
  return bad(
    check,
    `clients are not told of logouts, because their address is private: ${some(refused.map(({ clientId }) => clientId))}`,
    `SIGNET_OUTBOUND_ALLOW=${first.url.host}, where that host is meant; or: signet client update ${shell(first.clientId)} --set backchannel_logout_uri='"https://…"'`,
  )
}

async function checkOwedLogouts(store: Store): Promise<Check> {
  const check = 'logout tokens'
  const owed = await store.listOwedLogouts({ limit: STEP })
  const late = owed.filter(({ attempts }) => attempts >= LATE_ATTEMPTS)
  if (late.length === 0) return good(check, `${owed.length} are owed`)
  return warn(
    check,
    `tried ${LATE_ATTEMPTS} times or more, and not taken by: ${some([...new Set(late.map(({ clientId }) => clientId))])}`,
    'see that the app answers 2xx at its backchannel_logout_uri; its audit events: signet client show ID',
  )
}

/** Asks for the sign-in page as a browser does, and looks at what a proxy has left of its cookie. */
export async function checkCookies(issuer: string): Promise<Check> {
  const check = 'sign-in cookie'
  const address = `${issuer.replace(/\/$/, '')}/login`
  const answer = await fetch(address, { redirect: 'manual', signal: AbortSignal.timeout(WITHIN_MS) }).catch(
    () => undefined,
  )
  if (!answer) return bad(check, `${address} does not answer`, 'let the proxy pass /login and all below it to Signet')
  await answer.body?.cancel()
  if (answer.status >= 400)
    return bad(
      check,
      `${address} answers ${answer.status}`,
      'its reason is in the log: signet doctor --request ID --log FILE, with the X-Request-Id of the answer; without such a line a proxy has answered',
    )
  const isSecure = issuer.startsWith('https:')
  const name = `${isSecure ? '__Host-' : ''}signet_login`
  const cookie = answer.headers.getSetCookie().find((each) => each.startsWith(`${name}=`))
  if (cookie === undefined)
    return bad(
      check,
      `${address} brings no cookie ${name}`,
      'a proxy takes it away or renames it, or passes another path: let Set-Cookie through as it is',
    )
  const isWhole =
    /;\s*path=\/(;|$)/i.test(cookie) && !/;\s*domain=/i.test(cookie) && (!isSecure || /;\s*secure(;|$)/i.test(cookie))
  return isWhole
    ? good(check, `${name} comes through`)
    : bad(
        check,
        `${name} comes with other attributes: browsers refuse it, and nobody can sign in`,
        'a proxy rewrites cookies (proxy_cookie_path, proxy_cookie_domain, proxy_cookie_flags): let Set-Cookie through as it is, over https',
      )
}
