/** A blacklist entry as administrators see it, in JSON. */
import { toIso } from '../ground/clock.ts'
import type { BlacklistEntry } from '../store/store.ts'

export const entryView = ({
  id,
  kind,
  value,
  reason,
  issuedBefore,
  expiresAt,
  createdAt,
  createdBy,
}: BlacklistEntry) => ({
  id,
  kind,
  value,
  [kind]: value,
  reason,
  issued_before: toIso(issuedBefore),
  expires_at: toIso(expiresAt),
  created_at: toIso(createdAt),
  created_by: createdBy,
})
