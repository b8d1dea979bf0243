/** Pages of factors: the second step of a sign-in, enrolment, and the account pages of passkeys and authenticator apps. */
import type { Route } from '../http/route.ts'
import type { AccountFactorNeeds } from './account-factors.ts'
import type { SignInFactorNeeds } from './sign-in-factors.ts'
import { page } from './page.ts'

export type FactorPagesNeeds = SignInFactorNeeds & AccountFactorNeeds

const ofPasskeys = () => import('./sign-in-passkey.ts')
const ofSecond = () => import('./second-factor.ts')
const ofEnrolment = () => import('./enrol.ts')
const ofAccount = () => import('./passkeys.ts')
const ofTwoFactor = () => import('./two-factor.ts')

export const factorPages = (needs: FactorPagesNeeds): Route[] => [
  page({ post: '/login/passkey/options' }, needs, async () => (await ofPasskeys()).offerPasskey),
  page({ post: '/login/passkey' }, needs, async () => (await ofPasskeys()).takePasskey),
  page({ get: '/login/second' }, needs, async () => (await ofSecond()).showSecond),
  page({ post: '/login/second' }, needs, async () => (await ofSecond()).takeCode),
  page({ get: '/login/recovery' }, needs, async () => (await ofSecond()).showRecovery),
  page({ post: '/login/recovery' }, needs, async () => (await ofSecond()).takeRecoveryCode),
  page({ get: '/login/enrol' }, needs, async () => (await ofEnrolment()).showEnrolment),
  page({ post: '/login/enrol' }, needs, async () => (await ofEnrolment()).takeEnrolment),
  page({ post: '/login/enrol/passkey/options' }, needs, async () => (await ofEnrolment()).offerEnrolment),
  page({ post: '/login/enrol/passkey' }, needs, async () => (await ofEnrolment()).enrolPasskey),
  page({ get: '/account/passkeys' }, needs, async () => (await ofAccount()).showPasskeys),
  page({ post: '/account/passkeys' }, needs, async () => (await ofAccount()).changePasskeys),
  page({ post: '/account/passkeys/options' }, needs, async () => (await ofAccount()).offerCreation),
  page({ post: '/account/passkeys/signals' }, needs, async () => (await ofAccount()).tellSignals),
  page({ get: '/account/two-factor' }, needs, async () => (await ofTwoFactor()).showTwoFactor),
  page({ post: '/account/two-factor' }, needs, async () => (await ofTwoFactor()).changeTwoFactor),
]
