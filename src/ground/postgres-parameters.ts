/**
 * The parameters of a `postgres://` URL. Managed services hand out URLs with those of libpq. A parameter is taken where the
 * driver can do it, ignored where it changes nothing, and refused by name where ignoring it would weaken the connection.
 *
 * @see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
 */
import type { Reading } from './path-name.ts'

/** The modes of libpq that say something about the server (https://www.postgresql.org/docs/current/libpq-ssl.html). */
const TLS_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

/**
 * `prefer`: TLS where the server offers it. `require`: TLS with any certificate. `verify-ca`: a certificate of a trusted
 * authority. `verify-full`: one for the host.
 */
export type TlsMode = (typeof TLS_MODES)[number]

export interface PostgresParameters {
  schema: string
  tls: TlsMode
  /** How the server lists the connections. */
  applicationName: string
  /** Parameters that change nothing here, by name. */
  ignored: string[]
}

/** Signet writes, so it looks for the primary anyway. */
const WRITING = ['any', 'read-write', 'primary']

const CHANNEL_BINDING = ['disable', 'prefer', 'require']

/** Why the value of a parameter is refused; `undefined` where it is accepted. */
type Judge = (value: string, tls: string) => string | undefined

const PARAMETERS: Record<string, Judge> = {
  sslmode: (value) =>
    TLS_MODES.some((mode) => mode === value) ? undefined : `sslmode is one of ${TLS_MODES.join(', ')}`,
  schema: (value) =>
    /^[a-z_][a-z0-9_]{0,62}$/.test(value) && !value.startsWith('pg_')
      ? undefined
      : 'a schema is up to 63 small letters, digits and _, and does not begin with a digit or pg_',
  // Its value is a part of the address.
  host: () => undefined,
  application_name: (value) =>
    /^[ -~]{1,63}$/.test(value) ? undefined : 'application_name is 1 to 63 printable ASCII characters',
}

const IGNORED: Record<string, Judge> = {
  connect_timeout: (value) => (/^\d+$/.test(value) ? undefined : 'connect_timeout is a number of seconds'),
  target_session_attrs: (value) =>
    WRITING.includes(value) ? undefined : `target_session_attrs is one of ${WRITING.join(', ')}, because Signet writes`,
  channel_binding: (value, tls) => {
    if (!CHANNEL_BINDING.includes(value)) return `channel_binding is one of ${CHANNEL_BINDING.join(', ')}`
    // The driver cannot insist on it. A certificate for the host keeps out whom it would keep out.
    return value !== 'require' || tls === 'verify-full'
      ? undefined
      : 'channel_binding=require is accepted with sslmode=verify-full alone, which keeps out the same attackers'
  },
}

/** @returns the values, or why one of them is refused */
export function readParameters(given: URLSearchParams): Reading<PostgresParameters> {
  const why = faultOf(given)
  if (why !== undefined) return { why }
  const value = {
    schema: given.get('schema') ?? 'signet',
    tls: TLS_MODES.find((mode) => mode === given.get('sslmode')) ?? 'prefer',
    applicationName: given.get('application_name') ?? 'signet',
    ignored: [...given.keys()].filter((name) => name in IGNORED),
  }
  return { value }
}

function faultOf(given: URLSearchParams): string | undefined {
  const names = [...given.keys()]
  const known = { ...PARAMETERS, ...IGNORED }
  if (names.some((name) => !Object.hasOwn(known, name)))
    return `of the parameters only ${Object.keys(known).join(', ')} are accepted`
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) return `the parameter ${twice} is there twice; give it once`
  const tls = given.get('sslmode') ?? ''
  return names.map((name) => known[name]?.(given.get(name) ?? '', tls)).find((why) => why !== undefined)
}
