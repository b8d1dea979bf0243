/** The JSON of signing keys for administrators. Private members never leave the ring. */
import { CLOCK_SKEW_SECONDS, fromSeconds, toIso } from '../ground/clock.ts'
import { SHARED_RING, type KeyReader, type SigningKeyRecord, type Store } from '../store/store.ts'
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
