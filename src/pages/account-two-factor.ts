/**
 * /account/two-factor: an authenticator app is set up, confirmed by its first code, and removed; recovery codes are shown
 * once. A secret that waits for its first code belongs to the session, and counts for nothing.
 */
import { hashOf } from '../ground/secret-value.ts'
import { basePath } from '../http/endpoint-url.ts'
import type { Outcome } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { seeOther } from './html.ts'
import { mayLose } from '../authorize/assurance.ts'
import type { Person } from '../store/records/user.ts'
import { newOneTime } from '../store/records/one-time.ts'
import { newRecoveryCodes, recoveryDigests } from '../users/recovery.ts'
import { judgeCode, newTotpKeys, openTotpKeys, readCode, type TotpKeys } from '../users/totp.ts'
import { ownerOf, raisedBy, type AccountFactorNeeds } from './account-factors.ts'
import { actorOf, noticeOf, ownFrame, ownView } from './account-page.ts'
import { requireFreshSession, requireSession, type SignedIn } from './session.ts'
import { show } from './show.ts'
import { totpSetupOf } from './totp-setup.ts'
import { twoFactorPage } from './templates/factors.ts'
import type { TwoFactorView } from './account-views.ts'
import type { FormError } from './views.ts'

const PATH = '/account/two-factor'
const PENDING_MS = 3_600_000

export const showTwoFactor =
  (needs: AccountFactorNeeds) =>
  async (call: PageCall): Promise<Outcome> => {
    const signedIn = await requireSession(call, needs, PATH)
    return answer(call, needs, signedIn, { notice: noticeOf(call, ['totp_enabled', 'totp_disabled']) })
  }

export const changeTwoFactor =
  (needs: AccountFactorNeeds) =>
  async (call: PageCall): Promise<Outcome> => {
    const signedIn = await requireFreshSession(call, needs, PATH)
    const action = call.sent.get('action') ?? ''
    // A second step is asked of nobody here, so it can only be taken away.
    if (needs.config.mfa === 'off' && action !== 'disable-totp') return seeOther(addressOf(needs))
    switch (action) {
      case 'enable-totp':
        return begin(call, needs, signedIn)
      case 'confirm-totp':
        return confirm(call, needs, signedIn)
      case 'disable-totp':
        return disable(call, needs, signedIn)
      case 'new-recovery-codes':
        return renewCodes(call, needs, signedIn)
      default:
        return seeOther(addressOf(needs))
    }
  }

type Shown = Partial<Pick<TwoFactorView, 'notice' | 'error' | 'totp' | 'recoveryCodes'>>

function answer(
  call: PageCall,
  needs: AccountFactorNeeds,
  signedIn: SignedIn,
  shown: Shown,
  { isOn, headers = [] }: { isOn?: true; headers?: string[] } = {},
) {
  const { user, factors } = signedIn.person
  const frame = ownFrame(call, signedIn, needs)
  const view: TwoFactorView = {
    ...ownView(signedIn, needs),
    isOn: isOn ?? user.totpSecret !== null,
    isOffHere: needs.config.mfa === 'off',
    isRequired: !mayLose('totp', signedIn.person, needs.config),
    recoveryCodesLeft: factors.recoveryCodes,
    ...shown,
  }
  return show(frame, twoFactorPage(frame, view), { headers })
}

const addressOf = ({ issuer }: AccountFactorNeeds, query = ''): string => `${basePath(issuer)}${PATH}${query}`

const pendingHash = ({ session }: SignedIn): string => hashOf(`totp of session ${session.id}`)

/** A secret that was scanned already stays the one to confirm, as long as it lasts. */
async function begin(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn): Promise<Outcome> {
  const keys = (await findPending(needs, signedIn))?.keys ?? (await keepNew(needs, signedIn))
  return answer(call, needs, signedIn, { totp: await totpSetupOf(keys, signedIn.person, needs.config) })
}

async function keepNew(needs: AccountFactorNeeds, signedIn: SignedIn): Promise<TotpKeys> {
  const keys = await newTotpKeys()
  const now = needs.clock.now()
  const terms = { kind: 'totp_enrolment', hash: pendingHash(signedIn), owner: signedIn.session.id } as const
  const facts = { sealed: await needs.masterKeys.seal(keys) }
  await needs.store.keepPending(newOneTime({ ...terms, facts, expiresAt: now + PENDING_MS }, now))
  return keys
}

/** The secret of the session that waits for its first code. */
async function findPending(
  needs: AccountFactorNeeds,
  signedIn: SignedIn,
): Promise<{ keys: TotpKeys; sealed: string } | undefined> {
  const pending = await needs.store.findPending('totp_enrolment', pendingHash(signedIn))
  if (pending?.owner !== signedIn.session.id) return undefined
  const { keys, renewed } = await openTotpKeys(pending.facts.sealed, needs.masterKeys)
  // The master key has changed meanwhile. Nothing is stored under a former one.
  if (renewed !== undefined) await needs.store.keepPending({ ...pending, facts: { sealed: renewed } })
  return { keys, sealed: renewed ?? pending.facts.sealed }
}

/** The first code shows that the app has the secret. The person guesses at a secret of the person's own, so it counts nowhere. */
async function confirm(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn): Promise<Outcome> {
  const pending = await findPending(needs, signedIn)
  if (!pending) return startOver(call, needs, signedIn)
  const { keys, sealed } = pending
  const code = readCode(call.sent.get('code') ?? '')
  const verdict =
    code === undefined ? { reason: 'no code was sent' } : await judgeCode(keys, code, -1, needs.clock.now())
  if ('reason' in verdict) {
    Object.assign(call.facts, { error: 'invalid_code', reason: verdict.reason })
    return refuse(call, needs, signedIn, keys)
  }
  const { timeStep } = verdict
  const codes = newRecoveryCodes()
  const digests = recoveryDigests(keys, codes)
  const { raised, secret, headers } = raisedBy(['otp'], signedIn, needs)
  const enrolment = { pendingHash: pendingHash(signedIn), sealed, timeStep, recoveryDigests: digests, raised }
  const event = needs.audit.event('totp.enabled', signedIn.person.user.id, actorOf(signedIn, call))
  const enabled = await needs.store.enableTotp({ ...ownerOf(signedIn), ...enrolment }, event)
  if (enabled === 'gone') return seeOther(addressOf(needs))
  if (enabled === 'changed') return startOver(call, needs, signedIn)
  return answer(call, needs, { ...signedIn, secret }, { recoveryCodes: codes }, { isOn: true, headers })
}

async function refuse(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn, keys: TotpKeys): Promise<Outcome> {
  const error: FormError = { code: 'invalid_code', field: 'code' }
  return answer(call, needs, signedIn, { totp: await totpSetupOf(keys, signedIn.person, needs.config), error })
}

/** The secret is over, or it was confirmed already. */
const startOver = (call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn) =>
  signedIn.person.user.totpSecret === null
    ? answer(call, needs, signedIn, { error: { code: 'expired' } })
    : seeOther(addressOf(needs, '?done=totp_enabled'))

async function disable(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn): Promise<Outcome> {
  const event = needs.audit.event('totp.disabled', signedIn.person.user.id, actorOf(signedIn, call))
  const mayDisable = (person: Person) => mayLose('totp', person, needs.config)
  const outcome = await needs.store.disableTotp(ownerOf(signedIn), mayDisable, event)
  if (outcome === 'last') return answer(call, needs, signedIn, { error: { code: 'last_factor' } })
  return seeOther(addressOf(needs, outcome === 'removed' ? '?done=totp_disabled' : ''))
}

async function renewCodes(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn): Promise<Outcome> {
  const { id, totpSecret } = signedIn.person.user
  if (totpSecret === null) return seeOther(addressOf(needs))
  const { keys } = await openTotpKeys(totpSecret, needs.masterKeys)
  const codes = newRecoveryCodes()
  const event = needs.audit.event('recovery_codes.renewed', id, actorOf(signedIn, call))
  const digests = recoveryDigests(keys, codes)
  const outcome = await needs.store.replaceRecoveryCodes(ownerOf(signedIn), totpSecret, digests, event)
  if (outcome !== 'replaced') return seeOther(addressOf(needs))
  return answer(call, needs, signedIn, { recoveryCodes: codes })
}
