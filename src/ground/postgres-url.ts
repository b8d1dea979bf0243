/** `postgres://` URLs as an operator writes them. Only the text is looked at, never the network. */
import { pathFault, type Reading } from './path-name.ts'
import { readParameters, type PostgresParameters } from './postgres-parameters.ts'

export interface PostgresAddress extends PostgresParameters {
  /** A host name or address, or the absolute path of the folder of a Unix socket. */
  host: string
  port: number
  user: string
  password: string
  database: string
}

/** The forms of a URL that leads to PostgreSQL, for messages. */
export const POSTGRES_FORM = 'postgres://user:password@host:5432/database'

export const isPostgresUrl = (url: string): boolean => /^postgres(ql)?:/i.test(url)

const STANDARD_PORT = 5432

const CONTROLS = 'it has a line break or another control character'

const SEVERAL_HOSTS = 'it names several hosts; accepted is one, which leads to the primary also after a fail-over'

/** Reads a URL. The reason of a refusal never repeats the password. */
export function readPostgresUrl(text: string): Reading<PostgresAddress> {
  if (!/^postgres(ql)?:\/\//i.test(text)) return { why: 'it does not begin with postgres://' }
  // The reader of URLs drops line breaks, so they are looked for first.
  if (hasControls(text)) return { why: CONTROLS }
  const port = readPort(text)
  if ('why' in port) return port
  // A special scheme, so that the host is read as the host of a web address is.
  const url = URL.parse(
    text.replace(/^postgres(ql)?:/i, 'http:').replace(/^(http:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1socket.invalid'),
  )
  if (!url) return { why: 'it is no URL; signs such as @ : / # ? % in a password are written %40 %3A %2F %23 %3F %25' }
  if (url.hash !== '') return { why: 'it has a fragment; # in a password is written %23' }
  const parameters = readParameters(url.searchParams)
  return 'why' in parameters ? parameters : readParts(url, port.value, parameters.value)
}

/** The port, which the reader of URLs leaves out where it is that of web addresses. */
function readPort(text: string): Reading<number> {
  const [, authority = ''] = /^[a-z]+:\/\/([^/?#]*)/i.exec(text) ?? []
  const place = authority.slice(authority.lastIndexOf('@') + 1)
  if (place.includes(',')) return { why: SEVERAL_HOSTS }
  const port = Number(/:(\d+)$/.exec(place)?.[1] ?? STANDARD_PORT)
  return port >= 1 && port <= 65_535 ? { value: port } : { why: 'its port is not from 1 to 65535' }
}

function readParts(url: URL, port: number, parameters: PostgresParameters): Reading<PostgresAddress> {
  // A slash too many ends no name.
  const parts = [url.username, url.password, url.pathname.slice(1).replace(/\/$/, '')]
  const [user, password, database] = parts.map(decode)
  if (user === undefined || password === undefined || database === undefined)
    return { why: 'it has a % that begins no escape; % is written %25' }
  if (user === '') return { why: 'it names no user' }
  if (database === '' || database.includes('/')) return { why: 'it names no database' }
  if (hasControls(user + password + database)) return { why: CONTROLS }
  const host = readHost(url)
  return 'why' in host ? host : { value: { host: host.value, port, user, password, database, ...parameters } }
}

function readHost(url: URL): Reading<string> {
  const socket = url.searchParams.get('host')
  const host = socket ?? url.hostname
  if (host.includes(',')) return { why: SEVERAL_HOSTS }
  if (socket !== null) {
    const why = pathFault(socket)
    return why === undefined && socket.startsWith('/')
      ? { value: socket }
      : { why: why ?? 'the parameter host is the absolute path of a folder with a Unix socket' }
  }
  if (host === '' || host === 'socket.invalid') return { why: 'it names no host' }
  return { value: host.replace(/^\[(.*)\]$/, '$1') }
}

const hasControls = (text: string): boolean => /\p{Cc}/u.test(text)

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
