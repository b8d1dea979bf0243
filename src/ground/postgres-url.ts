/** `postgres://` URLs as an operator writes them. Only the text is looked at, never the network. */
import { pathFault, type Reading } from './path-name.ts'

/** The modes of libpq that say something about the server (https://www.postgresql.org/docs/current/libpq-ssl.html). */
const TLS_MODES = ['disable', 'prefer', 'require', 'verify-full'] as const

/** `prefer`: TLS where the server offers it. `require`: TLS with any certificate. `verify-full`: a certificate for the host. */
export type TlsMode = (typeof TLS_MODES)[number]

export interface PostgresAddress {
  /** A host name or address, or the absolute path of the folder of a Unix socket. */
  host: string
  port: number
  user: string
  password: string
  database: string
  schema: string
  tls: TlsMode
}

/** The forms of a URL that leads to PostgreSQL, for messages. */
export const POSTGRES_FORM = 'postgres://user:password@host:5432/database'

export const isPostgresUrl = (url: string): boolean => /^postgres(ql)?:/i.test(url)

const PARAMETERS = ['sslmode', 'schema', 'host']

/** Reads a URL. The reason of a refusal never repeats the password. */
export function readPostgresUrl(text: string): Reading<PostgresAddress> {
  if (!/^postgres(ql)?:\/\//i.test(text)) return { why: 'it does not begin with postgres://' }
  // A special scheme, so that the host is read as the host of a web address is.
  const url = URL.parse(
    text.replace(/^postgres(ql)?:/i, 'http:').replace(/^(http:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1socket.invalid'),
  )
  if (!url) return { why: 'it is no URL; signs such as @ : / # ? % in a password are written %40 %3A %2F %23 %3F %25' }
  if (url.hash !== '') return { why: 'it has a fragment; # in a password is written %23' }
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined) return { why: `of the parameters only ${PARAMETERS.join(', ')} are accepted` }
  return readParts(url)
}

function readParts(url: URL): Reading<PostgresAddress> {
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decode)
  if (user === undefined || password === undefined || database === undefined)
    return { why: 'it has a % that begins no escape; % is written %25' }
  if (user === '') return { why: 'it names no user' }
  if (database === '' || database.includes('/')) return { why: 'it names no database' }
  if (/\p{Cc}/u.test(user + password + database)) return { why: 'it has control characters' }
  const tls = TLS_MODES.find((mode) => mode === (url.searchParams.get('sslmode') ?? 'prefer'))
  if (!tls) return { why: `sslmode is one of ${TLS_MODES.join(', ')}` }
  const schema = url.searchParams.get('schema') ?? 'signet'
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema) || schema.startsWith('pg_'))
    return { why: 'a schema is up to 63 small letters, digits and _, and does not begin with a digit or pg_' }
  const place = readHost(url)
  return 'why' in place ? place : { value: { ...place.value, user, password, database, schema, tls } }
}

function readHost(url: URL): Reading<{ host: string; port: number }> {
  const socket = url.searchParams.get('host')
  const port = url.port === '' ? 5432 : Number(url.port)
  if (socket !== null) {
    const why = pathFault(socket)
    return why === undefined && socket.startsWith('/')
      ? { value: { host: socket, port } }
      : { why: why ?? 'the parameter host is the absolute path of a folder with a Unix socket' }
  }
  if (url.hostname === '' || url.hostname === 'socket.invalid') return { why: 'it names no host' }
  return { value: { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port } }
}

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** The address for people, without credentials. */
export function describeAddress({ host, port, database, schema }: PostgresAddress): string {
  const place = host.startsWith('/') ? `${host}:${port}` : `${host.includes(':') ? `[${host}]` : host}:${port}`
  return `postgres://${place}/${database}${schema === 'signet' ? '' : `?schema=${schema}`}`
}
