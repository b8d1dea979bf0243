/** Audit events. */
import type { Instant } from '../../ground/clock.ts'

/** An act and its actor; append only. `details` holds names and numbers, never a secret. */
export interface AuditEvent {
  id: string
  at: Instant
  actorKind: 'client' | 'user' | 'cli' | 'config' | 'system' | ''
  /** `cli`, `system`, `config`, the client id behind an admin token, or the id of the person who acted. */
  actor: string
  /** noun.verb, e.g. `client.created`, `grant.reuse_detected`. */
  action: string
  /** Id of what it was done to. */
  target: string
  requestId: string | null
  details: Record<string, string | number | boolean | null>
}

/** The session in which a person acts for the service, and the permission by which. */
export interface ActingSession {
  sessionId: string
  userId: string
  permission: string
}

/** An event on its way into the write of its act. */
export interface Recording extends AuditEvent {
  /** Throws where its actor may not act any more; asked inside the write, which then leaves nothing. */
  judge?: (() => void) | undefined
  /** Read again inside the write: once the session or the permission is gone, nothing is written. */
  session?: ActingSession | undefined
  /** The name of the declarative file, if and only if one acts. */
  file?: string | undefined
}
