/** Keys as the model of a ring holds them: rows with nothing but what a rule or an invariant reads, told from now. */
import { NEWS_MS } from '../../src/ground/silence.ts'
import { isPublished, type SigningKeyRecord } from '../../src/store/records/key.ts'
import { signingKeys } from '../../src/store/tables.ts'
import { SHARED_ES256 } from '../support/store-records.ts'
import { rowsOf, type Database, type Row } from './database.ts'

/** Milliseconds; the bound of the news. */
export const TICK = NEWS_MS
/** How long a token lives. */
export const TTL = 1000

/** The parts of a key that a replica keeps in memory. */
export type Known = Pick<SigningKeyRecord, 'kid' | 'status' | 'createdAt' | 'signedUntil'>

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

/** A key that is retired is forgotten: whoever still needs it finds it missing. */
export const databaseOf = (keys: readonly Known[]): Database => ({
  revision: 0,
  rows: { [signingKeys.name]: keys.filter(({ status }) => status !== 'retired').map(plain) },
})

/** Of a key that does not sign, a replica uses nothing but its name. */
export const memoryOf = (database: Database): Known[] => ringOf(database).filter(isPublished).map(remembered)

export const remembered = ({ kid, status, createdAt, signedUntil }: Known): Known =>
  status === 'active'
    ? { kid, status, createdAt: since(createdAt), signedUntil: signedUntil < TTL ? 0 : signedUntil }
    : { kid, status, createdAt: 0, signedUntil: 0 }

export const older = <Key extends Known>(key: Key): Key => ({
  ...key,
  createdAt: since(key.createdAt - TICK),
  signedUntil: since(key.signedUntil - TICK),
})
