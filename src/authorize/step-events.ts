/** The audit events of a step: the factor that it sets up or uses up for good, and the password that it changes. */
import { byUser, type AuditTrail } from '../audit.ts'
import type { Recording } from '../store/records/audit.ts'
import type { SignInFacts } from '../store/records/sign-in-step.ts'
import { passkeyDetails } from '../users/passkey.ts'
import { clientOf, type Browser } from './enter-session.ts'
import type { Next } from './prompt.ts'
import type { Step } from './steps.ts'

/** @param due the step that the rule has named; its person acts */
export function eventsOf(
  step: Step,
  due: Next,
  { signIn }: SignInFacts,
  { browser, audit }: { browser: Browser; audit: AuditTrail },
): Recording[] {
  const told = toldOf(step, due)
  if (!told || !('standing' in due)) return []
  const { id } = due.standing.person.user
  const details = { ...told.details, ...clientOf(signIn) }
  return [audit.event(told.action, id, { ...byUser(id, browser.requestId, browser), details })]
}

type Told = { action: string; details?: Recording['details'] }

function toldOf(step: Step, due: Next): Told | undefined {
  if (step.step === 'must_change') return { action: 'user.password_changed' }
  if (step.step !== 'second' && step.step !== 'must_enrol') return undefined
  const { proof } = step
  switch (proof.kind) {
    case 'totp_enrolment':
      return { action: 'totp.enabled' }
    case 'passkey_enrolment':
      return { action: 'passkey.added', details: passkeyDetails(proof.passkey) }
    case 'recovery':
      return { action: 'recovery_code.used', details: { left: codesOf(due) - 1 } }
    case 'totp':
    case 'passkey':
      return undefined
  }
}

const codesOf = (due: Next): number => ('standing' in due ? due.standing.person.factors.recoveryCodes : 0)
