/**
 * Signet as a side. One database is made by the commands an operator would use, and every Signet of a run starts
 * on a copy of it: they differ in nothing but what a case is about.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { inFolder } from '../folder.ts'
import { startSide, type Side } from './side.ts'
import { CLIENT_ID, ES256_RESOURCE, ISSUER, RS256_RESOURCE, SCOPE, type Credentials } from './terms.ts'

/** What `npm start` tells Node before the program. */
const NODE_OPTIONS = manifest.scripts.start.split(' ').filter((word) => word.startsWith('--'))

const PROGRAM = resolve(import.meta.dirname, '../../src/signet.js')

/** A place for one Signet: its database and its master key. */
export interface Place {
  folder: string
  database: string
  keysDir: string
}

const placeAt = (folder: string): Place => ({
  folder,
  database: `${folder}/signet.db`,
  keysDir: `${folder}/keys`,
})

const environment = ({ database, keysDir }: Place): Record<string, string> => ({
  SIGNET_ISSUER: ISSUER,
  SIGNET_PORT: '0',
  SIGNET_DATABASE_URL: `file:${database}`,
  SIGNET_KEYS_DIR: keysDir,
  SIGNET_LOG_LEVEL: 'warn',
  // One client makes the whole load; it is counted all the same.
  SIGNET_RATE_LIMIT_CLIENT: 'off',
})

const RESOURCES = [
  { id: ES256_RESOURCE, alg: 'ES256', scope: SCOPE },
  { id: RS256_RESOURCE, alg: 'RS256', scope: SCOPE },
]

const CLIENT = [
  ['--id', CLIENT_ID],
  ['--scope', SCOPE],
  ['--resource', ES256_RESOURCE],
  ['--resource', RS256_RESOURCE],
  ['--grant', 'client_credentials'],
  ['--grant', 'refresh_token'],
].flat()

/** Makes the database that all others are copies of, with a client whose secret Signet generates. */
export function makeModel(): { model: Place; credentials: Credentials } {
  const model = placeAt(inFolder('model'))
  const declaration = inFolder('declaration.json')
  writeFileSync(declaration, JSON.stringify({ resources: RESOURCES }))
  runCommand(model, 'apply', declaration)
  // RFC 7591 metadata of the client with, this once, its secret.
  const made = JSON.parse(runCommand(model, 'client', 'create', ...CLIENT, '--json')) as { client_secret: string }
  return { model, credentials: { clientId: CLIENT_ID, secret: made.client_secret } }
}

/** A command line of Signet on one place; what it writes to stdout. */
export function runCommand(place: Place, ...args: string[]): string {
  const env = { ...process.env, ...environment(place) }
  return execFileSync(process.execPath, [PROGRAM, ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** The place that a copy of this name has. */
export const placeOf = (name: string): Place => placeAt(inFolder(name))

export function copyOf(model: Place, name: string): Place {
  cpSync(model.folder, inFolder(name), { recursive: true })
  return placeOf(name)
}

export interface SignetOptions {
  /** A module that is loaded before Signet. */
  preload?: string
  env?: Record<string, string>
  stderr?: 'inherit' | 'null'
}

export const startSignet = (name: string, place: Place, options: SignetOptions = {}): Promise<Side> =>
  startSide({
    name,
    args: [
      ...NODE_OPTIONS,
      ...(options.preload ? ['--import', resolve(import.meta.dirname, options.preload)] : []),
      PROGRAM,
      'serve',
    ],
    env: { ...environment(place), ...options.env },
    stderr: options.stderr ?? 'inherit',
    paths: { refresh: '/refresh', family: '/token', jwks: '/.well-known/jwks.json' },
  })
