/** Millions of refresh token families, and tokens of the families that will be refreshed. */
import { readMasterKeyFile } from '../../src/keys/master-key-file.ts'
import { timeOrderedId } from '../../src/ground/ids.ts'
import { RefreshTokens } from '../../src/tokens/refresh-token.ts'
import { randomBytes } from 'node:crypto'
import type { Place } from '../sides/signet.ts'
import { fillWithCopies, type Row } from './copies.ts'

const MINUTE = 60_000
const DAY = 1440 * MINUTE
/** Age of the oldest family: so young that no family expires by itself during a run. */
const OLDEST = 20 * DAY
const LIFETIME = 30 * DAY

export interface Families {
  place: Place
  count: number
  /** How many tokens are returned; their families are spread over the whole table. */
  tokens: number
  say: (line: string) => void
}

/** Each family belongs to another person, and was made a moment after the one before. @returns tokens, in random order */
export function fillFamilies({ place, count, tokens, say }: Families): string[] {
  const key = readMasterKeyFile(place.keysDir)?.[0]
  if (!key) throw new Error(`there is no master key in ${place.keysDir}`)
  const encoder = new RefreshTokens({ current: key, firstId: key.id, find: () => key, successorOf: () => undefined })
  const step = Math.max(1, Math.floor(count / tokens))
  const now = Date.now()
  const encoded: string[] = []
  const differing = (index: number, original: Row): Row => {
    const createdAt = Math.floor(now - OLDEST + (index / count) * (OLDEST - DAY))
    const sid = timeOrderedId(createdAt)
    const familySecret = randomBytes(16).toString('base64url')
    if (index % step === 0)
      encoded.push(encoder.encode({ sid, familySecret, generation: Number(original.generation), masterKeyId: key.id }))
    return { sid, family_secret: familySecret, sub: `person-${index}`, ...times(createdAt, createdAt + LIFETIME) }
  }
  fillWithCopies({ database: place.database, table: 'grants', count, differing, say })
  return shuffled(encoded)
}

/** Adds expired families, for the sweep. */
export function fillExpired({ place, count, say }: Omit<Families, 'tokens'>): void {
  const now = Date.now()
  const differing = (index: number): Row => {
    const createdAt = Math.floor(now - OLDEST - LIFETIME + (index / count) * (OLDEST - DAY))
    return {
      sid: timeOrderedId(createdAt),
      family_secret: randomBytes(16).toString('base64url'),
      sub: `former-${index}`,
      ...times(createdAt, createdAt + LIFETIME),
    }
  }
  fillWithCopies({ database: place.database, table: 'grants', count, differing, say })
}

const times = (createdAt: number, expiresAt: number): Row => ({
  created_at: createdAt,
  rotated_at: createdAt,
  access_expires_at: createdAt + 15 * MINUTE,
  expires_at: expiresAt,
  idle_expires_at: null,
})

function shuffled(tokens: string[]): string[] {
  return tokens
    .map((token) => ({ token, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ token }) => token)
}
