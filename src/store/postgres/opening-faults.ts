/** The faults of a start on PostgreSQL, each in one line with one line of help. The password is in none of them. */
import { Fault } from '../../ground/errors.ts'
import { describeAddress, type PostgresAddress } from '../../ground/postgres-url.ts'
import { isOfStatement, sortFailure } from './failures.ts'

type Wording = (address: PostgresAddress) => [what: string, help: string]

/** By the code of the server or of the system. */
const BY_CODE: Record<string, Wording> = {
  '28P01': ({ user }) => [
    `it refuses the password of user "${user}"`,
    'put the right user and password in the URL; signs such as @ : / # ? % are written %40 %3A %2F %23 %3F %25',
  ],
  '28000': ({ user }) => [
    `it refuses user "${user}" from here`,
    'its pg_hba.conf decides who may connect, from where, and whether with TLS (?sslmode=require)',
  ],
  '3D000': ({ database }) => [`it has no database "${database}"`, 'make it (createdb), or name another one in the URL'],
  '42501': ({ user, schema }) => [
    `user "${user}" may not use or make schema "${schema}"`,
    `let the owner of the database run: CREATE SCHEMA ${schema} AUTHORIZATION "${user}"`,
  ],
  '53100': () => ['its disk is full', 'make room on it, then try again; nothing was changed'],
  '53300': () => ['it takes no more connections', 'raise max_connections, or lower SIGNET_DATABASE_POOL'],
  '57P03': () => ['it is starting or stopping', 'start again in a moment'],
  '25006': () => ['it is a standby, or read-only', 'name the primary in the URL'],
  ENOTFOUND: ({ host }) => [`there is no host "${host}"`, 'name its host as this machine knows it'],
  EAI_AGAIN: ({ host }) => [
    `the name of host "${host}" cannot be resolved now`,
    'look at the name server of this machine',
  ],
  ENOENT: ({ host }) => [`there is no socket in ${host}`, 'name the folder of its Unix socket, and its port'],
}

const UNREACHABLE: Wording = () => [
  'it does not answer there',
  'see whether it runs, listens at this address, and is reached from here (pg_isready)',
]

const TLS_REFUSED: Wording = () => [
  'it does not speak TLS, and sslmode asks for it',
  'turn TLS on in the server, or allow a plain connection in a network that nobody else reads: ?sslmode=disable',
]

const TLS_UNTRUSTED: Wording = () => [
  'its certificate is not trusted, or not for this host',
  'name the authority in NODE_EXTRA_CA_CERTS; or accept any certificate: ?sslmode=require',
]

/** Codes of OpenSSL and Node for certificates that do not hold. */
const UNTRUSTED = /^(ERR_TLS_CERT|ERR_SSL|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_)/

/** A refusal of the connection itself: the code of the server is that of a refused statement, which has another remedy. */
export function connectingFault(address: PostgresAddress, error: unknown): unknown {
  const { code, message } = sortFailure(error)
  if (code !== '42501') return error
  const { user, database } = address
  return new Fault(
    `SIGNET_DATABASE_URL: ${describeAddress(address)}: user "${user}" may not connect to database "${database}" (${message})`,
    `let the owner of the database run: GRANT CONNECT ON DATABASE "${database}" TO "${user}"`,
    { cause: error },
  )
}

/** @param error of the driver, or a fault already */
export function openingFault(address: PostgresAddress, error: unknown): unknown {
  if (error instanceof Fault) return error
  const failure = sortFailure(error)
  if (isOfStatement(failure) && failure.code !== '42501') return error
  const [what, help] = wordingOf(failure.code, failure.message)(address)
  const detail = failure.message.replaceAll(/\s+/g, ' ')
  return new Fault(`SIGNET_DATABASE_URL: ${describeAddress(address)}: ${what} (${detail})`, help, { cause: error })
}

function wordingOf(code: string, message: string): Wording {
  if (UNTRUSTED.test(code) || /certificate|altnames/i.test(message)) return TLS_UNTRUSTED
  if (/does not support SSL/i.test(message)) return TLS_REFUSED
  if (/password must be a/i.test(message)) return BY_CODE['28P01'] ?? UNREACHABLE
  return BY_CODE[code] ?? UNREACHABLE
}
