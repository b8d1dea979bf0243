/** The JSON of signing keys for administrators. Private members never leave the ring. */
import { CLOCK_SKEW_SECONDS, fromSeconds, toIso } from '../ground/clock.ts'
import { manyOf, object, oneOf, optional, orNull, shapeOf, text, time } from '../ground/shape.ts'
import { SHARED_RING, type KeyReader, type SigningKeyRecord } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import type { KeyReaders } from './readers.ts'

/** `retires_at` is the time when a key leaves the JWKS; `null` while it is next or active. */
export const keyView = ({
  kid,
  ring,
  alg,
  status,
  createdAt,
  activatedAt,
  deactivatedAt,
  signedUntil,
}: SigningKeyRecord) => ({
  kid,
  alg,
  status,
  ...(ring !== SHARED_RING && { resource: ring }),
  created_at: toIso(createdAt),
  activated_at: toIso(activatedAt),
  retires_at:
    status === 'retiring' || status === 'retired'
      ? toIso(Math.max(signedUntil + fromSeconds(CLOCK_SKEW_SECONDS), deactivatedAt ?? 0))
      : status === 'revoked'
        ? toIso(deactivatedAt)
        : null,
})

const readerView = ({ name, lastSeenAt }: KeyReader) => ({ name, last_seen_at: toIso(lastSeenAt) })

/** All keys. A shared `next` key also lists which recent verifiers fetched it and which did not. */
export async function listKeyViews({ store, readers }: { store: Store; readers: KeyReaders }) {
  return Promise.all((await store.listKeys()).map((key) => viewWithReaders(key, readers)))
}

async function viewWithReaders(key: SigningKeyRecord, readers: KeyReaders) {
  if (key.status !== 'next' || key.ring !== SHARED_RING) return keyView(key)
  const { seenBy, notSeenBy } = await readers.readinessFor(key)
  return { ...keyView(key), seen_by: seenBy.map(readerView), not_seen_by: notSeenBy.map(readerView) }
}

const reader = object({
  name: text('As it introduces itself in `User-Agent`.'),
  last_seen_at: time('When it was here last.'),
})

export const KEY = shapeOf<ReturnType<typeof keyView> & Partial<Record<'seen_by' | 'not_seen_by', object[]>>>(
  'Key',
  {
    kid: text(),
    alg: oneOf(['ES256', 'RS256']),
    status: oneOf(
      ['next', 'active', 'retiring', 'retired', 'revoked'],
      '`next`: published, does not sign yet. `active`: signs. `retiring`: verifies only. `retired`: gone from the key set. `revoked`: compromised, gone at once.',
    ),
    resource: optional(text('The resource whose own key this is.')),
    created_at: time(),
    activated_at: orNull(time('When it began to sign.')),
    retires_at: orNull(time('When it leaves or left the key set; `null` for one that is next or active.')),
    seen_by: optional(manyOf(reader, 'Of a shared `next` key: the verifiers that have it.')),
    not_seen_by: optional(manyOf(reader, 'Those that were here lately and do not have it yet.')),
  },
  {
    kid: 'es256-mZ8vYc0Wk1mJtq3bL0aX2Q',
    alg: 'ES256',
    status: 'next',
    created_at: '2026-01-31T12:00:00.000Z',
    activated_at: null,
    retires_at: null,
    seen_by: [{ name: 'orders-api', last_seen_at: '2026-02-01T08:00:00.000Z' }],
    not_seen_by: [],
  },
)
