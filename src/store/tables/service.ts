/**
 * The tables of the service itself: audit trail, settings, used ids, changes, replicas. See ../tables.ts for the rules of
 * every table.
 */
import type { AuditEvent } from '../records/audit.ts'
import type { ChangedNoun } from '../records/change.ts'
import type { SettingName } from '../records/facts.ts'
import { bytes, instant, integer, json, maybeInstant, maybeText, oneOf, table, text } from '../table.ts'

export const auditEvents = table({
  name: 'audit_events',
  columns: {
    id: text(),
    at: instant(),
    /** The kind of the actor; empty for rows of a version that did not keep it. */
    actorKind: text<AuditEvent['actorKind']>({ fallback: '' }),
    actor: text(),
    action: text(),
    target: text(),
    requestId: maybeText(),
    details: json<AuditEvent['details']>(),
  },
  key: ['id'],
  indexes: [
    { name: 'audit_events_age', columns: ['at'] },
    { name: 'audit_events_target', columns: ['target', 'id'] },
    { name: 'audit_events_request', columns: ['requestId', 'id'], where: { column: 'requestId', is: 'set' } },
  ],
  expires: [{ before: { at: 'forgotten' } }],
})

export const settings = table({
  name: 'settings',
  columns: { name: text<SettingName>(), value: text() },
  key: ['name'],
})

/** One-time ids that were used, by purpose and owner; hashed, so that a long one costs no more than a short one. */
export const usedJtis = table({
  name: 'used_jtis',
  columns: {
    purpose: text<'client_assertion' | 'dpop_proof'>(),
    owner: text(),
    jtiHash: bytes(),
    expiresAt: instant(),
  },
  key: ['purpose', 'owner', 'jtiHash'],
  indexes: [{ name: 'used_jtis_expiry', columns: ['expiresAt'] }],
  expires: [{ before: { expiresAt: 'now' } }],
})

/** Changes that other processes must hear of. A revision is never used twice, and revisions have no gaps. */
export const changes = table({
  name: 'changes',
  columns: {
    revision: integer({ isGenerated: true }),
    noun: oneOf<ChangedNoun>('client', 'resource', 'key', 'blacklist'),
    /** `null`: everything of the noun. */
    id: maybeText(),
    at: instant(),
  },
  key: ['revision'],
  indexes: [{ name: 'changes_age', columns: ['at'] }],
  expires: [{ before: { at: 'newsEnd' } }],
})

/** A single row: the newest revision. Raised in the transaction of the change, so it is in the order of commits. */
export const revision = table({
  name: 'revision',
  columns: { id: integer(), value: integer() },
  key: ['id'],
})

/** The processes that serve one database across a network, each by a name of its own. */
export const replicas = table({
  name: 'replicas',
  columns: {
    name: text(),
    version: text(),
    startedAt: instant(),
    lastSeenAt: instant(),
    /** When it was stopped in good order; `null` for one that runs, or that died. */
    stoppedAt: maybeInstant(),
  },
  key: ['name'],
  expires: [{ before: { lastSeenAt: 'hourAgo' } }],
})
