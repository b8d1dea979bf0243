/**
 * /login/enrol: a person who needs a second factor sets one up in the middle of a sign-in. The sign-in keeps the secret
 * of the app, or the challenge of the passkey, until it is confirmed. Recovery codes are shown before the sign-in goes on.
 */
import { json, type Outcome, type Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { Reached } from '../authorize/sign-ins.ts'
import type { PasskeyRecord } from '../store/records/user.ts'
import {
  creationOptions,
  newChallenge,
  readChallenge,
  readCreation,
  relyingParty,
  verifyCreation,
} from '../users/passkey.ts'
import { newRecoveryCodes, recoveryDigests } from '../users/recovery.ts'
import { judgeCode, newTotpKeys, openTotpKeys, readCode, type TotpKeys } from '../users/totp.ts'
import {
  arrivalOf,
  browserOf,
  cookiesOf,
  findStep,
  frameOf,
  goneFault,
  goOnJson,
  isAt,
  placeLater,
  refOf,
  takeStep,
  type At,
} from './go-on.ts'
import { seeOther } from './html.ts'
import { refusePasskey } from './passkey-json.ts'
import { show } from './show.ts'
import { cancel, type AtWork, door } from './sign-in-factors.ts'
import { enrolPage } from './templates/enrol.ts'
import { totpSetupOf } from './totp-setup.ts'
import type { EnrolView, FormError } from './views.ts'

type AtEnrol = At<'must_enrol'>

export const showEnrolment = door(async (call, needs) => {
  const step = await findStep(call, ['must_enrol'], needs)
  return 'elsewhere' in step ? step.elsewhere : answer(call, step.at, needs)
})

type Shown = Partial<Pick<EnrolView, 'totp' | 'error'>>

function answer(call: PageCall, at: AtEnrol, needs: AtWork, shown: Shown = {}): Promise<Outcome> {
  call.facts.reason ??= 'second factor missing: the person is asked to set one up'
  const frame = frameOf(call, at, needs)
  return show(frame, enrolPage(frame, { canPasskey: true, canTotp: takesApps(at), ...shown }))
}

/** If the request asks for a passkey, no app is enough. */
const takesApps = ({ next }: AtEnrol): boolean => next.acr === '2'

export const takeEnrolment = door(async (call, needs) => {
  const action = call.sent.get('action')
  if (action === 'cancel') return cancel(call, 'enrolment', needs)
  if (action === 'continue') return goOnLater(call, needs)
  const again = action === 'confirm-totp' && (await answerAgain(call, needs))
  if (again) return again
  const step = await findStep(call, ['must_enrol'], needs)
  if ('elsewhere' in step) return step.elsewhere
  const { at } = step
  if (action === 'enable-totp' && takesApps(at)) return begin(call, at, needs)
  if (action === 'confirm-totp' && takesApps(at)) return confirm(call, at, needs)
  return answer(call, at, needs)
})

async function begin(call: PageCall, at: AtEnrol, needs: AtWork): Promise<Outcome> {
  const { keys } = (await findPending(call, at, needs)) ?? (await noteNew(call, needs))
  return answer(call, at, needs, { totp: await setupOf(keys, at, needs) })
}

async function noteNew(call: PageCall, needs: AtWork): Promise<{ keys: TotpKeys }> {
  const keys = await newTotpKeys()
  await needs.signIns.note(refOf(call), { pendingTotp: await needs.masterKeys.seal(keys) })
  return { keys }
}

/** The secret of the sign-in that waits for its first code. A page that is loaded again shows the one that was scanned. */
async function findPending(
  call: PageCall,
  { signIn: { pendingTotp: pending } }: AtEnrol,
  needs: AtWork,
): Promise<{ keys: TotpKeys; sealed: string } | undefined> {
  if (pending === null) return undefined
  const { keys, renewed } = await openTotpKeys(pending, needs.masterKeys)
  // The master key has changed meanwhile. Nothing is stored under a former one.
  if (renewed !== undefined) await needs.signIns.note(refOf(call), { pendingTotp: renewed })
  return { keys, sealed: renewed ?? pending }
}

const setupOf = (keys: TotpKeys, { next }: AtEnrol, { config }: AtWork) =>
  totpSetupOf(keys, next.standing.person, config)

async function confirm(call: PageCall, at: AtEnrol, needs: AtWork): Promise<Outcome> {
  const pending = await findPending(call, at, needs)
  if (!pending) return answer(call, at, needs)
  const { keys, sealed } = pending
  const code = readCode(call.sent.get('code') ?? '')
  const verdict =
    code === undefined ? { reason: 'no code was sent' } : await judgeCode(keys, code, -1, needs.clock.now())
  if (!('reason' in verdict)) return enable(call, { sealed, keys, timeStep: verdict.timeStep }, needs)
  Object.assign(call.facts, { error: 'invalid_code', reason: verdict.reason })
  const error: FormError = { code: 'invalid_code', field: 'code' }
  return answer(call, at, needs, { totp: await setupOf(keys, at, needs), error })
}

/** Stores the app. The client gets its code after the person has seen the recovery codes. */
async function enable(
  call: PageCall,
  { sealed, keys, timeStep }: { sealed: string; keys: TotpKeys; timeStep: number },
  needs: AtWork,
): Promise<Outcome> {
  const codes = newRecoveryCodes()
  const proof = {
    kind: 'totp_enrolment',
    sealedSecret: sealed,
    timeStep,
    recoveryDigests: recoveryDigests(keys, codes),
  } as const
  const browser = { ...browserOf(call).browser, isByScript: true }
  const reached = await needs.signIns.take(refOf(call), { step: 'must_enrol', proof }, browser)
  if ('gone' in reached) throw goneFault(reached, call)
  if (!reached.isTaken) return seeOther(placeLater(reached, needs.issuer))
  const frame = frameOf(call, reached, needs)
  const view = { canPasskey: false, canTotp: false, recoveryCodes: codes }
  return show(frame, enrolPage(frame, view), { headers: cookiesOf(reached, needs.issuer) })
}

/** The page with the recovery codes is loaded again: the app is there, and its codes are shown once. */
async function answerAgain(call: PageCall, needs: AtWork): Promise<Outcome | undefined> {
  const reached = await needs.signIns.find(refOf(call))
  if ('gone' in reached || !isSetUp(reached)) return undefined
  const frame = frameOf(call, reached, needs)
  return show(frame, enrolPage(frame, { canPasskey: false, canTotp: false, isSetUp: true }))
}

const isSetUp = ({ signIn: { state, amr }, facts: { person } }: Reached): boolean =>
  (state === 'must_enrol' || state === 'done') && amr.includes('otp') && typeof person?.user.totpSecret === 'string'

/** "I have saved them". No step is taken here: the next page asks the rule. */
async function goOnLater(call: PageCall, needs: AtWork): Promise<Outcome> {
  const reached = await needs.signIns.find(refOf(call))
  if ('gone' in reached) throw goneFault(reached, call)
  // Without a client the sign-in was over with its last factor.
  const isArrived = reached.next.kind === 'over' && reached.signIn.request === null
  return seeOther(isArrived ? arrivalOf(reached, needs.issuer) : placeLater(reached, needs.issuer))
}

/** For the script of the page: it leads the person to the page that is due, e.g. to signing in again. */
async function findEnrolment(call: PageCall, needs: AtWork): Promise<{ at: AtEnrol } | { elsewhere: Reply }> {
  const reached = await needs.signIns.find(refOf(call))
  if ('gone' in reached) throw goneFault(reached, call)
  if (isAt(reached, ['must_enrol'])) return { at: reached }
  return { elsewhere: { ...goOnJson(call, reached, needs), status: 409 } }
}

export const offerEnrolment = door(async (call, needs) => {
  const step = await findEnrolment(call, needs)
  if ('elsewhere' in step) return step.elsewhere
  const { user } = step.at.next.standing.person
  const challenge = newChallenge('enrol', needs.clock.now())
  await needs.signIns.note(refOf(call), { challenge: challenge.kept })
  const present = await needs.store.listPasskeys(user.id)
  return json(creationOptions(relyingParty(needs.issuer, needs.config), challenge, user, present))
})

export const enrolPasskey = door(async (call, needs) => {
  const step = await findEnrolment(call, needs)
  if ('elsewhere' in step) return step.elsewhere
  const { at } = step
  const kept = at.signIn.challenge
  const challenge = readChallenge(kept, 'enrol', needs.clock.now())
  const creation = readCreation(call.json.credential)
  if (!creation || kept === null || challenge === undefined)
    return refusePasskey(call, 'the body holds no new credential, or there is no live challenge for one')
  // The passkey has to stand for two factors.
  const terms = { party: relyingParty(needs.issuer, needs.config), challenge, requireUserVerification: true }
  const verdict = await verifyCreation(creation, terms)
  if (verdict.outcome === 'refused') {
    await needs.signIns.note(refOf(call), { challenge: null })
    return refusePasskey(call, verdict.reason)
  }
  const { passkey: made, ...use } = verdict.proof
  if (await needs.store.findPasskey(made.id)) return refusePasskey(call, 'the credential is registered already', 409)
  const { user } = at.next.standing.person
  const passkey: PasskeyRecord = { ...made, userId: user.id, createdAt: needs.clock.now(), lastUsedAt: null }
  const proof = { kind: 'passkey_enrolment', passkey, challenge: kept, ...use } as const
  const reached = await takeStep(call, { step: 'must_enrol', proof }, needs.signIns)
  if (reached.isRefused) return refusePasskey(call, 'the challenge was used meanwhile')
  return goOnJson(call, reached, needs)
})
