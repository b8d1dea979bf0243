/**
 * Forgeries that are possible with the files of an issuer: private signing keys with database and master key, and refresh
 * tokens with the master key alone.
 */
import { createHmac, createPrivateKey, hkdfSync, randomBytes, sign, type JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { compactDecrypt } from 'jose'
import { Client } from 'pg'
import type { TestIssuer } from './issuer.ts'

/** Derives a key by RFC 5869, as `src/keys/master-key.ts` does. */
function derivedKey({ folder }: TestIssuer, purpose: string): Buffer {
  const master = Buffer.from(readFileSync(join(folder, 'keys/master.key'), 'utf8').trim(), 'base64url')
  return Buffer.from(hkdfSync('sha256', master, '', `signet/${purpose}`, 32))
}

export interface SigningKey {
  kid: string
  privateJwk: JsonWebKey
}

interface Sealed {
  kid: string
  sealed: string
}

const fields = 'kid, sealed_private_key AS sealed'

function fromFile(folder: string, alg: string, ring: string): Sealed | undefined {
  const database = new SqliteDatabase(join(folder, 'data/signet.db'), { readonly: true })
  const text = `SELECT ${fields} FROM signing_keys WHERE alg = ? AND ring = ? AND status = 'active'`
  const row = database.prepare<[string, string], Sealed>(text).get(alg, ring)
  database.close()
  return row
}

async function fromPostgres(url: string, schema: string, values: string[]): Promise<Sealed | undefined> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const text = `SELECT ${fields} FROM ${schema}.signing_keys WHERE alg = $1 AND ring = $2 AND status = 'active'`
  const { rows } = await client.query<Sealed>(text, values).finally(() => void client.end())
  return rows[0]
}

/** The active key of a ring; the empty name is the issuer's own ring. */
export async function stolenKey(issuer: TestIssuer, alg: string, ring = ''): Promise<SigningKey> {
  const url = issuer.env.SIGNET_DATABASE_URL ?? ''
  const row = url.startsWith('file:')
    ? fromFile(issuer.folder, alg, ring)
    : await fromPostgres(url, new URL(url).searchParams.get('schema') ?? 'signet', [alg, ring])
  if (!row) throw new Error(`no active ${alg} key`)
  const { plaintext } = await compactDecrypt(row.sealed, derivedKey(issuer, 'sealing'))
  return { kid: row.kid, privateJwk: JSON.parse(new TextDecoder().decode(plaintext)) }
}

/** Signs claims by ES256 as the issuer would, under any header; JOSE libraries would refuse some of them. */
export function signWith({ kid, privateJwk }: SigningKey, claims: object, header: object = {}): string {
  const parts = [{ alg: 'ES256', kid, typ: 'at+jwt', ...header }, claims]
  const input = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const key = createPrivateKey({ key: privateJwk, format: 'jwk' })
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

/** An authentic refresh token of the same grant and generation, except for the family's secret, which nobody knows. */
export function withAnotherSecret(issuer: TestIssuer, refreshToken: string): string {
  const body = Buffer.from(refreshToken.slice('sgr_'.length), 'base64url').subarray(0, 37)
  randomBytes(16).copy(body, 17)
  const familyKey = createHmac('sha256', derivedKey(issuer, 'refresh-token')).update(body.subarray(17, 33)).digest()
  const mac = createHmac('sha256', familyKey).update(body).digest().subarray(0, 16)
  return `sgr_${Buffer.concat([body, mac]).toString('base64url')}`
}
