/** The tables of signing keys and master keys. See ../tables.ts for the rules of every table. */
import type { KeyStatus, PublicJwk, RingName, SigningAlgorithm } from '../records/key.ts'
import { instant, json, maybeInstant, oneOf, table, text } from '../table.ts'

/** The two partial indexes are the rule "one active and one next key per ring and algorithm", for every process. */
export const signingKeys = table({
  name: 'signing_keys',
  columns: {
    kid: text(),
    /** Empty for the issuer's own; else the resource that has a ring to itself. */
    ring: text<RingName>({ fallback: '' }),
    alg: oneOf<SigningAlgorithm>('ES256', 'RS256'),
    status: oneOf<KeyStatus>('next', 'active', 'retiring', 'retired', 'revoked'),
    publicJwk: json<PublicJwk>(),
    sealedPrivateKey: text(),
    createdAt: instant(),
    activatedAt: maybeInstant(),
    deactivatedAt: maybeInstant(),
    signedUntil: instant(),
  },
  key: ['kid'],
  indexes: [
    {
      name: 'signing_keys_one_active',
      columns: ['ring', 'alg'],
      isUnique: true,
      where: { column: 'status', is: { value: 'active' } },
    },
    {
      name: 'signing_keys_one_next',
      columns: ['ring', 'alg'],
      isUnique: true,
      where: { column: 'status', is: { value: 'next' } },
    },
  ],
  checks: { signing_keys_forgotten: "status NOT IN ('retired', 'revoked') OR sealed_private_key = ''" },
  kept: { noun: 'key', id: 'kid' },
  expires: (['retired', 'revoked'] as const).map((status) => ({
    where: { status },
    before: { signedUntil: 'forgotten', deactivatedAt: 'forgotten' },
  })),
})

/** The readers of the key set and the feed; written a few times a minute, never for a request. */
export const keyReaders = table({
  name: 'key_readers',
  columns: { name: text(), lastSeenAt: instant(), knowsUntil: instant() },
  key: ['name'],
  indexes: [{ name: 'key_readers_seen', columns: ['lastSeenAt'] }],
  expires: [{ before: { lastSeenAt: 'monthAgo' } }],
})

/**
 * The master keys by their ids, never the keys themselves. The first key has a row only after a second one was used: the
 * setting `master_key_id` names it. Every write is told as a change of keys, because private keys are sealed under them.
 */
export const masterKeys = table({
  name: 'master_keys',
  columns: {
    id: text(),
    createdAt: instant(),
    /** When it last became current; `null` for a key that was never used. */
    currentSince: maybeInstant(),
    retiredAt: maybeInstant(),
  },
  key: ['id'],
  kept: { noun: 'key', id: 'id' },
})

/** Running servers, and the master keys that each of them has; written a few times a minute, never for a request. */
export const keyHolders = table({
  name: 'key_holders',
  columns: { server: text(), keys: json<string[]>(), lastSeenAt: instant() },
  key: ['server'],
  expires: [{ before: { lastSeenAt: 'newsEnd' } }],
})
