/**
 * RSA keys that were made before: a new issuer needs two, and to find their primes is most of the work of its start.
 * `useReadyKeys` gives each key of the pool once, so that no database gets a key twice, and then makes new ones.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  type RSAKeyPairKeyObjectOptions,
} from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { CHECKOUT } from './version.ts'

const POOL = join(CHECKOUT, 'node_modules/.cache/signet-test/rsa-2048.json')
const SIZE = 64

interface KeyPair {
  publicKey: KeyObject
  privateKey: KeyObject
}

const make = promisify(generateKeyPair)

/** Makes the pool, unless an earlier run has made it. */
export async function makeReadyKeys(): Promise<void> {
  if (existsSync(POOL)) return
  const pairs = await Promise.all(Array.from({ length: SIZE }, () => make('rsa', { modulusLength: 2048 })))
  const pems = pairs.map(({ privateKey }) => privateKey.export({ format: 'pem', type: 'pkcs8' }))
  mkdirSync(dirname(POOL), { recursive: true })
  // Another run may make it too.
  writeFileSync(`${POOL}.${process.pid}`, JSON.stringify(pems))
  renameSync(`${POOL}.${process.pid}`, POOL)
}

let ready: string[] = []

/**
 * From now on this process takes its RSA keys of 2048 bits from the whole pool. Only one process of those that work on a
 * database may do so.
 */
export function useReadyKeys(): void {
  if (!existsSync(POOL)) return
  ready = JSON.parse(readFileSync(POOL, 'utf8')) as string[] // `makeReadyKeys` has written it
  // `promisify` looks for this function, and Signet makes its keys with what `promisify` gives.
  Object.defineProperty(generateKeyPair, promisify.custom, { value: give, configurable: true })
}

async function give(type: 'rsa', options: RSAKeyPairKeyObjectOptions): Promise<KeyPair> {
  const pem = type === 'rsa' && options.modulusLength === 2048 ? ready.pop() : undefined
  if (pem === undefined) return make(type, options)
  const privateKey = createPrivateKey(pem)
  return { privateKey, publicKey: createPublicKey(privateKey) }
}
