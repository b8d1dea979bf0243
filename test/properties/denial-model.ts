/**
 * The tokens that were given out, and their denials, in the order in which requests were sent and answered. A denial
 * counts from its answer on and until an act that lifts it could have been written: where two requests cross, nothing is
 * claimed.
 */
import { claimsOf, headerOf } from '../support/client.ts'

/** A client as it was registered once; another one under its id is another registration. */
export interface Registration {
  clientId: string
  /** When the answer to its registration came. */
  since: number
}

export interface Issued {
  token: string
  registration: Registration
  clientId: string
  sub: string
  jti: string
  kid: string
  sid: string | undefined
  /** Seconds. */
  exp: number
}

export interface Denial {
  /** For the message where a token is accepted in spite of it. */
  says: string
  concerns(issued: Issued): boolean
  /** Which act lifts it: the id of an entry, or the name of the cause. */
  liftedBy: string[]
  sent: number
  /** Whether it was answered as done; until then nothing is claimed. */
  holds: boolean
  isLifted: boolean
  /** When it ends by itself, in seconds. */
  until: number
}

export class DenialModel {
  #time = 0
  readonly issued: Issued[] = []
  readonly denials: Denial[] = []

  /** The instant of a request or an answer; no two are the same. */
  tick(): number {
    return ++this.#time
  }

  note(token: string, registration: Registration): Issued {
    const { client_id: clientId, sub, jti, sid, exp } = claimsOf(token)
    const issued = { token, registration, clientId, sub, jti, sid, exp, kid: headerOf(token).kid as string }
    this.issued.push(issued)
    return issued
  }

  /** A denial that is on its way. */
  begin(says: string, concerns: Denial['concerns'], liftedBy: string[] = [], until = Infinity): Denial {
    const denial = { says, concerns, liftedBy, sent: this.tick(), holds: false, isLifted: false, until }
    this.denials.push(denial)
    return denial
  }

  /** An act that lifts was answered: denials that were sent before may have been lifted by it. */
  lift(cause: string): void {
    for (const denial of this.denials) if (denial.liftedBy.includes(cause)) denial.isLifted = true
  }

  /** By which denial a token has to be refused at this second, if by any. */
  findDenial(issued: Issued, now: number): Denial | undefined {
    // A second on either side is not claimed: tokens and entries count in whole ones.
    return this.denials.find((each) => each.holds && !each.isLifted && now < each.until - 1 && each.concerns(issued))
  }

  /** Whether nothing that was ever asked could make this token a bad one. */
  isUntouched(issued: Issued): boolean {
    return !this.denials.some((each) => each.concerns(issued))
  }

  /** Whether nothing that was ever asked speaks against a token that was asked for then. */
  isWelcome(wanted: Pick<Issued, 'registration' | 'clientId' | 'sub'>, asked: number): boolean {
    const issued = { ...wanted, token: '', jti: '', kid: '', sid: undefined, exp: 0 }
    return this.isUntouched(issued) && this.denials.every(({ sent }) => sent < asked)
  }
}
