/** The table of the blacklist. See ../tables.ts for the rules of every table. */
import type { BlacklistCause, BlacklistKind } from '../records/blacklist.ts'
import { boolean, instant, integer, maybeInstant, maybeText, oneOf, table, text } from '../table.ts'

export const blacklistEntries = table({
  name: 'blacklist_entries',
  columns: {
    id: text(),
    kind: oneOf<BlacklistKind>('jti', 'sid', 'sub', 'client_id', 'kid'),
    value: text(),
    issuedBefore: instant(),
    expiresAt: maybeInstant(),
    deniesUntil: instant(),
    refusesNew: boolean(),
    reason: maybeText(),
    cause: text<BlacklistCause>({ fallback: 'blacklist' }),
    /** The client whose quota the entry counts to; `null` where no client made it. */
    owner: maybeText(),
    createdBy: text(),
    createdAt: instant(),
    revision: integer(),
    removedAt: maybeInstant(),
  },
  key: ['id'],
  indexes: [
    { name: 'blacklist_entries_revision', columns: ['revision'], isUnique: true },
    { name: 'blacklist_entries_value', columns: ['value', 'kind'] },
    {
      name: 'blacklist_entries_owner',
      columns: ['owner', 'cause', 'removedAt', 'expiresAt'],
      where: { column: 'owner', is: 'set' },
    },
    { name: 'blacklist_entries_expiry', columns: ['expiresAt'], where: { column: 'expiresAt', is: 'set' } },
    { name: 'blacklist_entries_removal', columns: ['removedAt'], where: { column: 'removedAt', is: 'set' } },
  ],
  kept: { noun: 'blacklist', id: 'id', stamped: 'revision' },
  expires: [
    // If the clock was ahead, an entry stands again once the clock is right, so it is not deleted as soon as it has ended.
    { before: { expiresAt: 'dayAgo' } },
    // A removal is told while the entry would still deny a token, for a month at most. It is kept longer than the change
    // that tells other processes to read it.
    { before: { removedAt: 'missedEnd', deniesUntil: 'now' } },
    { before: { removedAt: 'monthAgo' } },
  ],
})
