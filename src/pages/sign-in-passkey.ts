/**
 * /login/passkey: a passkey as the first factor or as the second. The script of the page asks for options, and sends the
 * response of the browser. The sign-in keeps the challenge, so a response is good in that sign-in, for that factor, once.
 */
import { BY_SYSTEM } from '../audit.ts'
import type { Reached } from '../authorize/sign-ins.ts'
import { personConfirming } from '../authorize/steps.ts'
import { json, type Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { FoundPasskey } from '../store/records/factor.ts'
import type { PasskeyProof } from '../store/records/sign-in-step.ts'
import {
  newChallenge,
  readPasskeyAssertion,
  readChallenge,
  relyingParty,
  requestOptions,
  verifyAssertion,
  type Assertion,
  type PasskeyUse,
} from '../users/passkey.ts'
import { unknownPasskey } from '../users/passkey-signals.ts'
import { goneFault, goOnJson, refOf, takeStep } from './go-on.ts'
import { refusePasskey } from './passkey-json.ts'
import { door, type AtWork } from './sign-in-factors.ts'

/** The factor that is due: which passkeys are good for it, and whether they have to verify the person. */
interface Wanted {
  purpose: 'first' | 'second'
  /** The person who has passed the first factor, or who is signed in and confirms it. */
  userId: string | undefined
  requireUserVerification: boolean
}

/** A passkey alone stands for two factors, so it has to verify the person. Behind a password its possession is enough. */
function wantedAt({ next, facts }: Reached): Wanted | undefined {
  switch (next.kind) {
    case 'sign_in':
    case 'sign_up':
    case 'choose_account':
      return { purpose: 'first', userId: personConfirming(facts)?.user.id, requireUserVerification: true }
    case 'second':
      return {
        purpose: 'second',
        userId: next.standing.person.user.id,
        requireUserVerification: next.acr === 'phr',
      }
    case 'must_change':
    case 'must_enrol':
    case 'not_allowed':
    case 'consent':
    case 'code':
    case 'arrived':
    case 'error':
    case 'fault':
    case 'over':
      return undefined
  }
}

async function findWanted(
  call: PageCall,
  needs: AtWork,
): Promise<{ reached: Reached; wanted: Wanted } | { elsewhere: Reply }> {
  const reached = await needs.signIns.find(refOf(call))
  if ('gone' in reached) throw goneFault(reached, call)
  const wanted = wantedAt(reached)
  if (wanted) return { reached, wanted }
  // Another tab has gone on: the script leads there.
  return { elsewhere: { ...goOnJson(call, reached, needs), status: 409 } }
}

export const offerPasskey = door(async (call, needs) => {
  const found = await findWanted(call, needs)
  if ('elsewhere' in found) return found.elsewhere
  const { purpose, userId, requireUserVerification } = found.wanted
  const challenge = newChallenge(purpose, needs.clock.now())
  await needs.signIns.note(refOf(call), { challenge: challenge.kept })
  // A stranger is not told which passkeys a person has.
  const allowed = userId === undefined ? [] : await needs.store.listPasskeys(userId)
  const party = relyingParty(needs.issuer, needs.config)
  return json(requestOptions(party, challenge, allowed, requireUserVerification))
})

export const takePasskey = door(async (call, needs) => {
  const found = await findWanted(call, needs)
  if ('elsewhere' in found) return found.elsewhere
  const { wanted, reached } = found
  const verdict = await judge(call, found, needs)
  if ('refusal' in verdict) {
    needs.traffic.people.factors.passkey.refused += 1
    // A challenge is good for one response, be it wrong.
    if (reached.signIn.challenge !== null) await needs.signIns.note(refOf(call), { challenge: null })
    return verdict.refusal
  }
  const { proof, isBehind, passkeyName } = verdict
  const step =
    wanted.purpose === 'first'
      ? ({ step: 'sign_in', proof, isRemembered: call.json.remember === true } as const)
      : ({ step: 'second', proof } as const)
  const after = await takeStep(call, step, needs.signIns)
  if (after.isRefused) return refusePasskey(call, 'the challenge was used meanwhile, or the person may not sign in')
  if (isBehind) noteBehind(proof, passkeyName, needs)
  return goOnJson(call, after, needs)
})

type Judged = { proof: PasskeyProof; isBehind: boolean; passkeyName: string } | { refusal: Reply }

async function judge(
  call: PageCall,
  { reached, wanted }: { reached: Reached; wanted: Wanted },
  needs: AtWork,
): Promise<Judged> {
  const party = relyingParty(needs.issuer, needs.config)
  const kept = reached.signIn.challenge
  const challenge = readChallenge(kept, wanted.purpose, needs.clock.now())
  const assertion = readPasskeyAssertion(call.json.credential ?? call.json)
  if (!assertion) return { refusal: refusePasskey(call, 'the body holds no credential') }
  if (kept === null || challenge === undefined)
    return { refusal: refusePasskey(call, 'the sign-in has no live challenge for this factor') }
  const found = await needs.store.findPasskey(assertion.id)
  if (!found)
    return { refusal: refusePasskey(call, 'nobody has this passkey', 400, unknownPasskey(party, assertion.id)) }
  if (wanted.userId !== undefined && found.passkey.userId !== wanted.userId)
    return { refusal: refusePasskey(call, 'the passkey is that of another person') }
  const { requireUserVerification } = wanted
  const verdict = await verify(assertion, found, { party, challenge, requireUserVerification })
  if (verdict.outcome === 'refused') return { refusal: refusePasskey(call, verdict.reason) }
  return proofOf(found, verdict.proof, kept)
}

const verify = (
  assertion: Assertion,
  { passkey, person }: FoundPasskey,
  terms: Parameters<typeof verifyAssertion>[3],
): ReturnType<typeof verifyAssertion> => verifyAssertion(assertion, passkey, person.user.handle, terms)

function proofOf({ passkey }: FoundPasskey, { isBehind, ...use }: PasskeyUse, challenge: string): Judged {
  const { id: passkeyId, userId, name: passkeyName } = passkey
  return { proof: { kind: 'passkey', userId, passkeyId, challenge, ...use }, isBehind, passkeyName }
}

/** There may be a copy of the key. Synced passkeys do so too, so the person is not locked out (WebAuthn §6.1.1). */
function noteBehind({ userId, counter }: PasskeyProof, name: string, { audit }: AtWork): void {
  audit.note(audit.event('passkey.counter_behind', userId, { ...BY_SYSTEM, details: { name, counter } }))
}
