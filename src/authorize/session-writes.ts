/**
 * How a sign-in becomes a session. The browser gets a new secret at every sign-in and at every further factor, so a secret
 * that somebody knew before is worth nothing (session fixation). The same person keeps the session, and so its `sid`;
 * another person gets a session of their own, and the former one ends.
 */
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { hashOf } from '../ground/secret-value.ts'
import { timesOfUse, type SessionRecord } from '../store/records/session.ts'
import type { SignInFacts, SignInWrites } from '../store/records/sign-in-step.ts'
import { acrOf } from './assurance.ts'
import type { Standing } from './prompt.ts'

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

export interface SessionTerms {
  sessionTtlSeconds: number
  sessionIdleSeconds: number
}

const MOST_AGENT_CHARACTERS = 256

interface Entry {
  /** The session as it is from now on. */
  record: SessionRecord
  writes: SignInWrites
  /** The session of another person, which ends. */
  former: string | undefined
  secret: string
}

/** @param secret the new secret of the `session` cookie */
export function sessionWrites(
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
    userAgent: browser.userAgent.slice(0, MOST_AGENT_CHARACTERS),
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
export function touchWrites(session: SessionRecord, now: Instant): SignInWrites {
  const seen = timesOfUse(session, now)
  return seen ? { raised: { id: session.id, change: seen } } : {}
}
