/**
 * How a sign-in becomes a session. The browser gets a new secret at every sign-in and at every further factor, so a secret
 * that somebody knew before is worth nothing (session fixation). The same person keeps the session, and so its `sid`;
 * another person gets a session of their own, and the former one ends.
 */
import { byUser, keptAgent, type AuditTrail } from '../audit.ts'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import { sessionEnding } from '../sessions/ending.ts'
import { timesOfUse, type SessionRecord } from '../store/records/session.ts'
import type { SignInFacts, SignInWrites } from '../store/records/sign-in-step.ts'
import { acrOf } from './assurance.ts'
import type { Standing } from './standing.ts'

/** The browser that answers. */
export interface Browser {
  /** Of the `login` cookie. */
  loginSecret: string
  /** Of the `session` cookie. */
  sessionSecret?: string | undefined
  /** Of the `device` cookie: the browser's own, or a new one. */
  deviceSecret: string
  userAgent: string
  network: string
  requestId: string
  /** A script follows no redirect to a client: the code is minted when the browser comes to /authorize by itself. */
  isByScript: boolean
}

/** The client that the person signs in to, for the audit trail. */
export const clientOf = ({ request }: SignInFacts['signIn']) => request && { client: request.clientId }

export interface SessionTerms {
  sessionTtlSeconds: number
  sessionIdleSeconds: number
}

/** A sign-in whose person has a session now. */
interface Entered {
  /** The facts with that session. */
  facts: SignInFacts
  writes: SignInWrites
  /** The new secret of the `session` cookie; absent where the browser keeps the one that it has. */
  session?: { secret: string; maxAgeSeconds: number | undefined }
  /** Set with `session`. */
  deviceSecret?: string
}

/** The session of a person who has every factor: the browser's own as it is, the same one raised, or a new one. */
export function enterSession(
  facts: SignInFacts,
  standing: Standing,
  browser: Browser,
  { audit, config }: { audit: AuditTrail; config: SessionTerms },
): Entered {
  const { signIn, session } = facts
  if (signIn.userId === null || isInside(facts, standing))
    return { facts, writes: session ? touchWrites(session.session, facts.now) : {} }
  const by = byUser(standing.person.user.id, browser.requestId)
  const entry = sessionWrites({ facts, standing, browser, secret: newSecretValue() }, config)
  const { record } = entry
  const reached = { user: record.userId, amr: record.amr.join(' '), acr: record.acr }
  const details = { ...reached, ...clientOf(signIn) }
  const action = entry.writes.session ? 'session.created' : 'session.raised'
  return {
    facts: {
      ...facts,
      signIn: { ...signIn, sessionId: record.id },
      session: { session: record, person: standing.person },
    },
    writes: {
      ...entry.writes,
      events: [audit.event(action, record.id, { ...by, browser, details })],
      ...(entry.former !== undefined && { ends: { id: entry.former, ending: sessionEnding('signed_out', by, audit) } }),
    },
    session: { secret: entry.secret, maxAgeSeconds: record.isRemembered ? config.sessionTtlSeconds : undefined },
    deviceSecret: browser.deviceSecret,
  }
}

/** Whether the session has the factors of this sign-in already. */
function isInside({ session: found }: SignInFacts, { person, amr, authTime }: Standing): boolean {
  if (!found || found.session.userId !== person.user.id) return false
  return found.session.authTime === authTime && amr.every((each) => found.session.amr.includes(each))
}

interface Entry {
  /** The session as it is from now on. */
  record: SessionRecord
  writes: SignInWrites
  /** The session of another person, which ends. */
  former: string | undefined
  secret: string
}

/** @param secret the new secret of the `session` cookie */
function sessionWrites(
  { facts, standing, browser, secret }: { facts: SignInFacts; standing: Standing; browser: Browser; secret: string },
  terms: SessionTerms,
): Entry {
  const { session: found, signIn, now } = facts
  const userId = standing.person.user.id
  const isSame = found?.session.userId === userId
  const fresh = freshSession({ signIn, standing, browser, secret, now }, terms)
  const { id: _, createdAt: __, ...change } = fresh
  const kept = isSame ? found.session : undefined
  const record = kept ? { ...kept, ...change, isRemembered: kept.isRemembered || fresh.isRemembered } : fresh
  const { id: recordId, ...row } = record
  return {
    record,
    former: found && !isSame ? found.session.id : undefined,
    secret,
    writes: {
      ...(kept ? { raised: { id: recordId, change: row } } : { session: record }),
      signIn: { sessionId: recordId },
      user: { id: userId, change: { lastLoginAt: now } },
      browser: { hash: hashOf(browser.deviceSecret), userId },
    },
  }
}

function freshSession(
  {
    signIn,
    standing,
    browser,
    secret,
    now,
  }: {
    signIn: SignInFacts['signIn']
    standing: Standing
    browser: Browser
    secret: string
    now: Instant
  },
  { sessionTtlSeconds, sessionIdleSeconds }: SessionTerms,
): SessionRecord {
  const expiresAt = standing.authTime + fromSeconds(sessionTtlSeconds)
  return {
    id: timeOrderedId(now),
    secretHash: hashOf(secret),
    userId: standing.person.user.id,
    authTime: standing.authTime,
    amr: [...standing.amr],
    acr: acrOf(standing.amr),
    isRemembered: signIn.isRemembered,
    userAgent: keptAgent(browser),
    address: browser.network,
    createdAt: now,
    lastSeenAt: now,
    idleExpiresAt: Math.min(now + fromSeconds(sessionIdleSeconds), expiresAt),
    expiresAt,
    endedAt: null,
    endedReason: null,
  }
}

/** A session that is used again stays. */
function touchWrites(session: SessionRecord, now: Instant): SignInWrites {
  const seen = timesOfUse(session, now)
  return seen ? { raised: { id: session.id, change: seen } } : {}
}
