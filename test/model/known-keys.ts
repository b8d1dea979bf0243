/** Keys as the model of a ring holds them: rows with nothing but what a rule or an invariant reads, told from now. */
import { NEWS_MS } from '../../src/ground/silence.ts'
import { areFirst } from '../../src/keys/may-sign.ts'
import { isPublished, type SigningKeyRecord } from '../../src/store/records/key.ts'
import { signingKeys } from '../../src/store/tables/keys.ts'
import { SHARED_ES256 } from '../support/store-records.ts'
import { rowsOf, type Database, type Row } from './database.ts'

/** Milliseconds; the bound of the news. */
export const TICK = NEWS_MS
/** How long a token lives. */
export const TTL = 1000

/** The parts of a key that a replica keeps in memory. */
export type Known = Pick<SigningKeyRecord, 'kid' | 'status' | 'createdAt' | 'signedUntil'> & {
  /** An active key that was read while the ring had its first keys alone. */
  isFirst?: boolean
}

export const ringOf = (database: Database): SigningKeyRecord[] => rowsOf(database, signingKeys)
export const holder = (keys: readonly Known[], status: Known['status']): Known | undefined =>
  keys.find((key) => key.status === status)

/** A row with nothing but what a rule or an invariant of this model reads. */
function plain({ kid, status, createdAt, signedUntil }: Known): Row {
  const isSigning = status === 'active' || status === 'next'
  const times = {
    createdAt: isSigning ? since(createdAt) : 0,
    signedUntil: isRetired(status) ? 0 : since(signedUntil, -2 * TICK),
  }
  return { kid, ...SHARED_ES256, status, ...times }
}

const isRetired = (status: Known['status']): boolean => status === 'retired' || status === 'revoked'

/** Longer ago than any bound of a search: before the longest time of publication, and before silence and skew are over. */
export const LONG_AGO = -3 * TICK
export const since = (time: number, longAgo = LONG_AGO): number => Math.max(longAgo, time)

/** The row of a retired key stays, and tells that the others are not the first. Whoever still needs the key finds none. */
export const databaseOf = (keys: readonly Known[]): Database => ({
  revision: 0,
  rows: { [signingKeys.name]: keys.map(plain) },
})

/** Of a key that does not sign, a replica uses nothing but its name. */
export function memoryOf(database: Database): Known[] {
  const rows = ringOf(database)
  const isFirst = areFirst(rows)
  return rows.filter(isPublished).map((key) => remembered({ ...key, isFirst }))
}

export const remembered = ({ kid, status, createdAt, signedUntil, isFirst = false }: Known): Known =>
  status === 'active'
    ? { kid, status, createdAt: since(createdAt), signedUntil: signedUntil < TTL ? 0 : signedUntil, isFirst }
    : { kid, status, createdAt: 0, signedUntil: 0 }

export const older = <Key extends Known>(key: Key): Key => ({
  ...key,
  createdAt: since(key.createdAt - TICK),
  signedUntil: since(key.signedUntil - TICK),
})
