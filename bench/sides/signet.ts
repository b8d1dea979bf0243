/**
 * Signet as a side. One database is made by the commands that an operator would use, and every Signet of a run starts
 * on a copy of it: two of them differ in nothing but the subject of a case.
 */
import { cpSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BEHIND_PROXY } from '../../harness/network.ts'
import { programOf, runCommand, SERVES, type Launch } from '../../harness/program.ts'
import { CHECKOUT, largestQuotas } from '../../harness/version.ts'
import { inFolder } from '../folder.ts'
import { startSide, type Side } from './side.ts'
import { CLIENT_ID, ES256_RESOURCE, ISSUER, RS256_RESOURCE, SCOPE, type Credentials } from './terms.ts'

/** A version of Signet: the one of this checkout, or one from its history. */
export interface Version {
  /** As the tables name it. */
  name: string
  checkout: string
}

export const PRESENT: Version = { name: 'Signet', checkout: CHECKOUT }

/** The files of one Signet, and the version that works on them. */
export interface Place {
  version: Version
  credentials: Credentials
  folder: string
  database: string
  keysDir: string
  /** Variables beside those of every Signet here. */
  env: Record<string, string>
}

const placeAt = (version: Version, credentials: Credentials, folder: string): Place => ({
  version,
  credentials,
  folder,
  database: `${folder}/signet.db`,
  keysDir: `${folder}/keys`,
  env: {},
})

const environment = ({ version, database, keysDir, env }: Place): Record<string, string> => ({
  ...largestQuotas(version.checkout),
  SIGNET_ISSUER: ISSUER,
  SIGNET_PORT: '0',
  SIGNET_DATABASE_URL: `file:${database}`,
  SIGNET_KEYS_DIR: keysDir,
  SIGNET_LOG_LEVEL: 'warn',
  ...BEHIND_PROXY,
  // A single client makes the whole load; its requests are counted all the same.
  SIGNET_RATE_LIMIT_CLIENT: 'off',
  ...env,
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

/** Makes the database that all others of a version are copies of. Signet generates the secret of the client. */
export async function makeModel(version: Version, name: string, env: Record<string, string> = {}): Promise<Place> {
  const model = { ...placeAt(version, { clientId: CLIENT_ID, secret: '' }, inFolder(name)), env }
  const declaration = inFolder('declaration.json')
  writeFileSync(declaration, JSON.stringify({ resources: RESOURCES }))
  await runOn(model, 'apply', declaration)
  // The client's RFC 7591 metadata; only this answer holds the secret.
  const made = JSON.parse(await runOn(model, 'client', 'create', ...CLIENT, '--json')) as { client_secret: string }
  return { ...model, credentials: { clientId: CLIENT_ID, secret: made.client_secret } }
}

/** Runs a command line of Signet on a place. @returns its standard output @throws Error where it fails */
export const runOn = (place: Place, ...args: string[]): Promise<string> => runWithInput(place, '', ...args)

/** The same with a standard input. */
export async function runWithInput(place: Place, input: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, launchOf(place), { input })
  if (code !== 0) throw new Error(`signet ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout
}

const launchOf = (place: Place, env: Record<string, string> = {}): Launch => ({
  checkout: place.version.checkout,
  env: { ...environment(place), ...env },
})

export function copyOf(model: Place, name: string): Place {
  cpSync(model.folder, inFolder(name), { recursive: true })
  return placeAt(model.version, model.credentials, inFolder(name))
}

export interface SignetOptions {
  /** A module that is loaded before Signet. */
  preload?: string
  env?: Record<string, string>
  stderr?: 'inherit' | 'null'
}

export const startSignet = (
  name: string,
  place: Place,
  { preload, env, stderr = 'inherit' }: SignetOptions = {},
): Promise<Side> => {
  const nodeOptions = preload === undefined ? [] : ['--import', resolve(import.meta.dirname, preload)]
  const { credentials } = place
  return startSide({
    name,
    program: { ...programOf(['serve'], { ...launchOf(place, env), nodeOptions }), stderr },
    address: SERVES,
    paths: { refresh: '/refresh', family: '/token', jwks: '/.well-known/jwks.json' },
    credentials,
  })
}
