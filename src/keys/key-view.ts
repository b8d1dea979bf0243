/** Signing keys as administrators see them; private members never leave the ring. */
import { CLOCK_SKEW_SECONDS, fromSeconds, toIso } from '../clock.ts'
import type { SigningKeyRecord } from '../store/store.ts'

/** `retires_at` tells when a key that signs no more leaves the JWKS; `null` while it is next or active. */
export const keyView = ({
  kid,
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
  created_at: toIso(createdAt),
  activated_at: toIso(activatedAt),
  retires_at:
    status === 'retiring' || status === 'retired'
      ? toIso(Math.max(signedUntil, deactivatedAt ?? 0) + fromSeconds(CLOCK_SKEW_SECONDS))
      : status === 'revoked'
        ? toIso(deactivatedAt)
        : null,
})
