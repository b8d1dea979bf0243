/**
 * The client's own record of its refresh token families: every token that an answer brought, and the one that
 * was presented when no answer came. What the server says after a fault is held against it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { orNothing, type Answer, type Caller } from './caller.ts'

/** As far back as old tokens are looked at; the rest were looked at when they were younger. */
const LOOKED_AT = 6

/** A 503 is tried again much sooner than its Retry-After asks, so that the moment of recovery is seen. */
const RETRY_MS = 10

export interface Family {
  /** Refresh tokens in the order in which answers brought them; the last is the newest. */
  acknowledged: string[]
  /** Whether the last token was presented and no answer came: its use may have been written or not. */
  unanswered: boolean
}

export interface Verdict {
  /** Why the family is lost, where it is: its newest token brings no successor. */
  lost: string | undefined
  /** Tokens that are active though the client was told of a successor, or had two live ones at once. */
  doublyValid: number
}

export class Journal {
  readonly families: Family[] = []
  /** Refreshes that were answered with 200. */
  refreshes = 0
  /** Refreshes that were answered with 503, and how many of them did not say when to come back. */
  unavailable = 0
  withoutRetryAfter = 0
  /** Answers that were neither 200 nor 503 nor missing, as texts. */
  readonly refusals: string[] = []

  async open(caller: Caller, count: number): Promise<void> {
    const grants = await Promise.all(Array.from({ length: count }, () => caller.grant()))
    for (const { refreshToken } of grants) this.families.push({ acknowledged: [refreshToken], unanswered: false })
  }

  /** Uses the newest token of a family and notes what came. */
  async refresh(family: Family, caller: Caller): Promise<Answer | undefined> {
    family.unanswered = true
    const answer = await orNothing(caller.refresh(newest(family)))
    if (!answer) return undefined
    family.unanswered = false
    const { status, body, text } = answer
    if (status === 200 && body.refresh_token !== undefined) {
      family.acknowledged.push(body.refresh_token)
      this.refreshes++
    } else if (status === 503) {
      this.unavailable++
      if (!(Number(answer.headers.get('retry-after')) > 0)) this.withoutRetryAfter++
    } else this.refusals.push(`${status} ${text}`)
    return answer
  }

  /** Refreshes a family again and again until no answer comes or `more` says no. */
  async refreshOn(family: Family, caller: Caller, more: () => boolean = () => true): Promise<void> {
    while (more()) {
      const answer = await this.refresh(family, caller)
      if (!answer || (answer.status !== 200 && answer.status !== 503)) return
      if (answer.status === 503) await pause(RETRY_MS)
    }
  }

  /**
   * Holds the server against the record: no token that has an acknowledged successor is active, the newest one
   * brings a successor, and then that one alone is active.
   */
  async check(family: Family, caller: Caller): Promise<Verdict> {
    const held = family.acknowledged.slice(-LOOKED_AT)
    const last = newest(family)
    const before = await activeOf(held, caller)
    const stale = before.filter((token) => token !== last)
    // Where an answer is missing, the use may have been written: then the newest known token is none any more.
    const vanished = !family.unanswered && !before.includes(last)
    const answer = await this.refresh(family, caller)
    const successor = newest(family)
    if (answer?.status !== 200 || successor === last) {
      return { lost: `${answer?.status ?? 'no answer'} ${answer?.text ?? ''}`, doublyValid: stale.length }
    }
    const after = await activeOf([...held, successor], caller)
    const lost = vanished || !after.includes(successor) ? 'its newest token was not active' : undefined
    return { lost, doublyValid: Math.max(stale.length, after.filter((token) => token !== successor).length) }
  }
}

export const newest = (family: Family): string => {
  const token = family.acknowledged.at(-1)
  if (token === undefined) throw new Error('a family without a token')
  return token
}

async function activeOf(tokens: string[], caller: Caller): Promise<string[]> {
  const verdicts = await Promise.all(tokens.map((token) => caller.isActive(token)))
  return tokens.filter((_, index) => verdicts[index])
}
