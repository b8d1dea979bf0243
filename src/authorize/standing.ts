/**
 * The person who is signed in, and THE gate before a change of how the person signs in: another password, a factor that is
 * set up or taken away, another address (PEOPLE S4). Sign-ins and account pages ask the same gate. Nothing else makes a
 * `Confirmed`, so a step or a page that needs one cannot go around it.
 */
import type { Blacklist } from '../blacklist/match.ts'
import type { Instant } from '../ground/clock.ts'
import { ageOfSignIn } from '../store/records/session.ts'
import type { Person } from '../store/records/user.ts'
import { acrOf, reaches, withinReach, type Acr } from './assurance.ts'

/** The person who is signed in, as far as a request believes it. */
export interface Standing {
  person: Person
  amr: readonly string[]
  /** When the first factor was passed. */
  authTime: Instant
}

/** Whether a person may sign in, and stay signed in: neither disabled nor on the blacklist. No token would be issued. */
export const maySignIn = ({ user }: Person, { blacklist }: { blacklist: Pick<Blacklist, 'findRefusing'> }): boolean =>
  user.disabledAt === null && !blacklist.findRefusing('sub', user.id)

declare const confirmed: unique symbol

/** A person who may change passwords and factors now. */
export type Confirmed = Standing & { readonly [confirmed]: true }

/** A person confirms with the first factor, and with the second where there is one. */
export type Confirmation = { outcome: 'confirmed'; standing: Confirmed } | { outcome: 'too_old' | 'second_missing' }

interface ConfirmTerms {
  mfa: 'off' | 'optional' | 'required'
  now: Instant
}

/** A person may change passwords and factors for so long after signing in. A form that is sent later changes nothing. */
const CONFIRMED_FOR_MS = 5 * 60_000

/** The `acr` that a change of factors asks of a person: two factors where there are two, unless they are switched off. */
export const acrBeforeChange = (person: Person, mfa: ConfirmTerms['mfa']): Acr =>
  mfa !== 'off' && reaches(withinReach(person), '2') ? '2' : '1'

/** Whether the person may change passwords and factors. A sign-in that is too old is renewed before the second factor is asked for. */
export function confirm(standing: Standing, { mfa, now }: ConfirmTerms): Confirmation {
  const { person, amr, authTime } = standing
  if (ageOfSignIn(authTime, now) >= CONFIRMED_FOR_MS) return { outcome: 'too_old' }
  if (!reaches(acrOf(amr), acrBeforeChange(person, mfa))) return { outcome: 'second_missing' }
  return { outcome: 'confirmed', standing: standing as Confirmed } // sound: this is the gate
}
