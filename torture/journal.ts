/**
 * A client's own record of its refresh token families: every token of a response, and the token of a request without a
 * response. After a fault the server is compared with this record.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { orNothing, type Answer, type Caller } from './caller.ts'

/** So many of the newest tokens are checked; older ones were checked earlier. */
const LOOKED_AT = 6

/** A 503 is repeated much sooner than its Retry-After says, so that the moment of recovery is measured. */
const RETRY_MS = 10

export interface Family {
  /** Refresh tokens in the order of the responses; the last is the newest. */
  acknowledged: string[]
  /** Whether the last token was used and its outcome is unknown: the use may have been written or not. */
  unanswered: boolean
}

export interface Verdict {
  /** Why the family is lost: its newest token gives no successor. */
  lost: string | undefined
  /** Tokens that are active although the client has their successor, or beside a second active token. */
  doublyValid: number
}

export class Journal {
  readonly families: Family[] = []
  /** Refreshes with status 200. */
  refreshes = 0
  /** Refreshes with status 503, and those of them without a Retry-After. */
  unavailable = 0
  withoutRetryAfter = 0
  /** The texts of all other responses. */
  readonly refusals: string[] = []

  async open(caller: Caller, count: number): Promise<void> {
    const grants = await Promise.all(Array.from({ length: count }, () => patiently(() => caller.grant())))
    for (const { refreshToken } of grants) this.families.push({ acknowledged: [refreshToken], unanswered: false })
  }

  /** Uses the newest token of a family and notes the response. */
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
      // Any other 503 says that nothing was changed, and is believed.
      family.unanswered = text.includes('may be stored')
      if (!(Number(answer.headers.get('retry-after')) > 0)) this.withoutRetryAfter++
    } else this.refusals.push(`${status} ${text}`)
    return answer
  }

  /** Refreshes a family until no response comes or `more` is false. */
  async refreshOn(family: Family, caller: Caller, more: () => boolean = () => true): Promise<void> {
    while (more()) {
      const answer = await this.refresh(family, caller)
      if (!answer || (answer.status !== 200 && answer.status !== 503)) return
      if (answer.status === 503) await pause(RETRY_MS)
    }
  }

  /**
   * Compares the server with the record: no token with an acknowledged successor is active, the newest token gives a
   * successor, and then only that successor is active.
   */
  async check(family: Family, caller: Caller): Promise<Verdict> {
    const held = family.acknowledged.slice(-LOOKED_AT)
    const last = newest(family)
    const before = await activeOf(held, caller)
    const stale = before.filter((token) => token !== last)
    // If the response is missing, the use may have been written. Then the newest known token is not the newest any more.
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

/** Grants are made before anything is measured, so a server that is busy with something else is asked again. */
async function patiently<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; tries < 5; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (!String(error).includes(' 503 ')) throw error
      await pause(200 * tries)
    }
  }
  return ask()
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
