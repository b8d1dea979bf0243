/**
 * /login/second and /login/recovery: a code of an authenticator app, or a recovery code. Guesses are counted by person,
 * whichever sign-in and whichever page they come in, and a right password forgives none of them.
 */
import type { Outcome } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { Person } from '../store/records/user.ts'
import type { SecondProof } from '../store/records/sign-in-step.ts'
import { recoveryDigest } from '../users/recovery.ts'
import { judgeCode, openTotpKeys, readCode } from '../users/totp.ts'
import { accountView } from './account-view.ts'
import { findStep, frameOf, goOn, takeStep, type At } from './go-on.ts'
import { show } from './show.ts'
import { cancel, countCode, waitTerms, type AtWork, door } from './sign-in-factors.ts'
import { recoveryPage, secondPage } from './templates/second.ts'
import type { FormError } from './views.ts'

type AtSecond = At<'second'>

/** A page that asks for a code, and how it reads one. */
interface CodePage {
  /** As it is counted. */
  factor: 'totp' | 'recovery_code'
  show(call: PageCall, at: AtSecond, needs: AtWork, error?: FormError): Promise<Outcome>
  /** The proof that a typed text is, or why it is none; `undefined` for a text that cannot be a code. */
  proofOf(typed: string, person: Person, needs: AtWork): (() => Promise<SecondProof | { reason: string }>) | undefined
}

const appPage: CodePage = {
  factor: 'totp',
  show(call, at, needs, error) {
    const frame = frameOf(call, at, needs)
    const { person } = at.next.standing
    const hasTotp = takesCodes(at)
    const hasPasskey = person.factors.passkeys > 0
    const hasRecovery = hasTotp && person.factors.recoveryCodes > 0
    const view = { account: accountView(person), error, hasTotp, hasPasskey, hasRecovery }
    return show(frame, secondPage(frame, view), termsOf(error))
  },
  proofOf(typed, { user }, { masterKeys, clock }) {
    const code = readCode(typed)
    const { totpSecret, totpUsedStep } = user
    if (code === undefined || totpSecret === null) return undefined
    return async () => {
      const { keys, renewed } = await openTotpKeys(totpSecret, masterKeys)
      const verdict = await judgeCode(keys, code, totpUsedStep, clock.now())
      if ('reason' in verdict) return verdict
      return { kind: 'totp', timeStep: verdict.timeStep, sealedSecret: totpSecret, renewedSecret: renewed }
    }
  },
}

const codePage: CodePage = {
  factor: 'recovery_code',
  show(call, at, needs, error) {
    const frame = frameOf(call, at, needs)
    const view = { account: accountView(at.next.standing.person), error }
    return show(frame, recoveryPage(frame, view), termsOf(error))
  },
  proofOf(typed, { user: { totpSecret } }, { masterKeys }) {
    if (typed.trim() === '' || totpSecret === null) return undefined
    return async () => {
      const { keys } = await openTotpKeys(totpSecret, masterKeys)
      const digest = recoveryDigest(keys, typed)
      return digest === undefined ? { reason: 'no recovery code has this form' } : { kind: 'recovery', digest }
    }
  },
}

/** Codes are no passkeys: where the request asks for one, nothing else is enough. */
const takesCodes = ({ next }: AtSecond): boolean => next.acr === '2' && next.standing.person.user.totpSecret !== null

const termsOf = (error: FormError | undefined) =>
  error?.retryAfterSeconds === undefined ? {} : waitTerms(error.retryAfterSeconds)

const showing = (page: CodePage) =>
  door(async (call, needs) => {
    const step = await findStep(call, ['second'], needs)
    return 'elsewhere' in step ? step.elsewhere : page.show(call, step.at, needs)
  })

const taking = (page: CodePage) =>
  door(async (call, needs) => {
    const action = call.sent.get('action')
    if (action === 'cancel') return cancel(call, 'the second factor', needs)
    const step = await findStep(call, ['second'], needs)
    if ('elsewhere' in step) return step.elsewhere
    return action === 'verify' ? verify(page, call, step.at, needs) : page.show(call, step.at, needs)
  })

async function verify(page: CodePage, call: PageCall, at: AtSecond, needs: AtWork): Promise<Outcome> {
  const { person } = at.next.standing
  const refuse = (reason: string): Promise<Outcome> => {
    Object.assign(call.facts, { error: 'invalid_code', reason })
    return page.show(call, at, needs, { code: 'invalid_code', field: 'code' })
  }
  const judge = takesCodes(at) ? page.proofOf(call.sent.get('code') ?? '', person, needs) : undefined
  if (!judge) return refuse('no code was sent')
  const tally = needs.traffic.people.factors[page.factor]
  const counted = await countCode(call, person, needs)
  if ('seconds' in counted) {
    tally.waited += 1
    return page.show(call, at, needs, { code: 'too_many_attempts', retryAfterSeconds: counted.seconds })
  }
  const proof = await judge()
  if ('reason' in proof) {
    tally.refused += 1
    return refuse(proof.reason)
  }
  const reached = await takeStep(call, { step: 'second', proof, forgives: counted.bucket }, needs.signIns)
  // A recovery code that the person does not have is found out in the write, as is a code that another request has used.
  return reached.isRefused ? refuse('the code is wrong, or was used already') : goOn(call, reached, needs)
}

export const showSecond = showing(appPage)
export const takeCode = taking(appPage)
export const showRecovery = showing(codePage)
export const takeRecoveryCode = taking(codePage)
