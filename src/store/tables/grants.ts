/** The table of grants. See ../tables.ts for the rules of every table. */
import type { GrantSignIn } from '../records/authentication.ts'
import { instant, integer, json, maybeInstant, maybeText, table, text } from '../table.ts'

/** A row for each family, updated in place; no column that rotation changes is in an index. */
export const grants = table({
  name: 'grants',
  columns: {
    sid: text(),
    /** Not a foreign key: deleting a client with millions of grants must not take minutes. */
    clientKey: integer(),
    sub: text(),
    /** The grant type that began it; empty for grants of a version that did not keep it. */
    grantType: text({ fallback: '' }),
    resources: json<string[]>(),
    scope: json<string[]>(),
    claims: json<Record<string, unknown>>(),
    familySecret: text(),
    generation: integer(),
    /** Which master key makes the family's tokens; `null` for the first key. */
    masterKeyId: maybeText(),
    /** The first generation that this key made. */
    masterKeyFrom: integer({ fallback: 0 }),
    createdAt: instant(),
    rotatedAt: instant(),
    expiresAt: instant(),
    idleExpiresAt: maybeInstant(),
    accessExpiresAt: instant(),
    endedAt: maybeInstant(),
    endedReason: maybeText(),
    sessionId: maybeText(),
    signIn: json<GrantSignIn | null>({ fallback: 'null' }),
  },
  key: ['sid'],
  indexes: [
    { name: 'grants_client', columns: ['clientKey', 'sid'] },
    { name: 'grants_sub', columns: ['sub', 'sid'] },
    { name: 'grants_expiry', columns: ['expiresAt'] },
    { name: 'grants_session', columns: ['sessionId'], where: { column: 'sessionId', is: 'set' } },
    { name: 'grants_live', columns: ['sub', 'clientKey', 'sid'], where: { column: 'endedAt', is: 'null' } },
    // The sweep looks through these few. A column that rotation changes would make every refresh write all indexes anew.
    { name: 'grants_replaced', columns: ['endedAt'], where: { column: 'endedReason', is: { value: 'replaced' } } },
  ],
  expires: [
    { before: { expiresAt: 'now', accessExpiresAt: 'now' } },
    // Their own client ended these by asking for more grants than allowed. They are kept only as long as their tokens live.
    { where: { endedReason: 'replaced' }, before: { accessExpiresAt: 'now' } },
  ],
})
