/** The steps that the pages of factors in a sign-in have in common. */
import type { AuditTrail } from '../audit.ts'
import { SignIns, type SignInNeeds } from '../authorize/sign-ins.ts'
import type { Clock } from '../ground/clock.ts'
import { hashOf } from '../ground/secret-value.ts'
import type { Outcome, Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import type { Store } from '../store/store.ts'
import type { Person } from '../store/records/user.ts'
import { Guesses } from '../users/guesses.ts'
import { goOn, takeStep, type GoOnNeeds } from './go-on.ts'

export type SignInFactorNeeds = GoOnNeeds &
  SignInNeeds & {
    config: { rpId?: string | undefined }
    store: Pick<Store, 'listPasskeys' | 'findPasskey' | 'countGuess'>
    clock: Pick<Clock, 'now'>
    audit: AuditTrail
    masterKeys: MasterKeys
  }

/** The needs of one handler, with the machine of sign-ins and the throttle. */
export type AtWork = SignInFactorNeeds & { signIns: SignIns; guesses: Guesses }

export type SignInDoor = (needs: SignInFactorNeeds) => (call: PageCall) => Promise<Outcome>

/** A handler of a page in a sign-in. */
export function door(handle: (call: PageCall, needs: AtWork) => Promise<Outcome>): SignInDoor {
  return (needs) => {
    const atWork = { ...needs, signIns: new SignIns(needs), guesses: new Guesses(needs) }
    return (call) => handle(call, atWork)
  }
}

/**
 * Counts a guess at a code, before it is compared.
 * @returns the bucket to forgive where the code is right; how long to wait where it is not to be judged
 */
export async function countCode(
  call: PageCall,
  { user }: Person,
  { guesses }: AtWork,
): Promise<{ bucket: string } | { seconds: number }> {
  const browserHash = call.cookies.device === undefined ? undefined : hashOf(call.cookies.device)
  const guess = { kind: 'code', userId: user.id, name: user.username, network: call.network, browserHash } as const
  const counted = await guesses.count(guess)
  return counted.outcome === 'wait' ? { seconds: counted.seconds } : { bucket: counted.bucket }
}

/** The form again, with the time to wait (RFC 6585 §4). */
export const waitTerms = (seconds: number) => ({ status: 429, headers: ['Retry-After', String(seconds)] })

/** "Cancel" on any page of a sign-in: the client is told. */
export async function cancel(call: PageCall, page: string, needs: AtWork): Promise<Reply> {
  const reason = `the person pressed Cancel at ${page}`
  return goOn(call, await takeStep(call, { step: 'cancel', reason }, needs.signIns), needs)
}
