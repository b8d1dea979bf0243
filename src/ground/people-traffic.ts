/** Counts of what people did at this process. They name no person, no client and no session. */

/** How a person shows who they are. `new_account`: by making the account. */
export type Factor = 'password' | 'passkey' | 'totp' | 'recovery_code' | 'link' | 'new_account'

/** `passed`: the factor was right. `refused`: it was wrong. `waited`: it was not judged, for too many guesses before. */
export type FactorOutcome = 'passed' | 'refused' | 'waited'

const nothing = (): Record<FactorOutcome, number> => ({ passed: 0, refused: 0, waited: 0 })

export class PeopleTraffic {
  readonly factors: Readonly<Record<Factor, Record<FactorOutcome, number>>> = {
    password: nothing(),
    passkey: nothing(),
    totp: nothing(),
    recovery_code: nothing(),
    link: nothing(),
    new_account: nothing(),
  }
  /** Ends of sign-ins. `error`: the client was told why it got no code. `cancelled`: the person gave up. */
  readonly signIns = { code: 0, arrived: 0, error: 0, cancelled: 0 }
  /** Authorization codes at `/token`. */
  readonly codes = { redeemed: 0, refused: 0 }
  /** Attempts to tell a client of a logout. `undelivered`: it is not tried again. */
  readonly logouts = { delivered: 0, delayed: 0, undelivered: 0 }
}
