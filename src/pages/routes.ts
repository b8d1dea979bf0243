/**
 * The list of pages: sign-in, second factor, ways to an account, the account itself. go-on.ts tells how the pages of a
 * sign-in lead to each other. Each page is loaded when it is first asked for.
 */
import type { Route } from '../http/route.ts'
import type { ActivityNeeds } from './account-activity.ts'
import type { AppsNeeds } from './account-apps.ts'
import type { AccountFactorNeeds } from './account-factors.ts'
import type { OverviewNeeds } from './account-overview.ts'
import type { PasswordNeeds } from './account-password.ts'
import type { ProfileNeeds } from './account-profile.ts'
import type { SessionsNeeds } from './account-sessions.ts'
import type { AddRedirectNeeds } from './add-redirect-uri.ts'
import type { ConsentNeeds } from './consent.ts'
import type { FrameNeeds } from './frame-needs.ts'
import type { LinkNeeds } from './link.ts'
import type { LoginNeeds } from './login.ts'
import type { MustChangeNeeds } from './must-change.ts'
import type { NewAccountNeeds } from './new-account.ts'
import { lateErrorPage, noSuchPage, page, type Load } from './page.ts'
import type { SessionNeeds } from './session.ts'
import type { AccountPath } from './sign-in-first.ts'
import type { SignInFactorNeeds } from './sign-in-factors.ts'

type SignInNeeds = LoginNeeds & ConsentNeeds & MustChangeNeeds & AddRedirectNeeds & SignInFactorNeeds
type EntryNeeds = NewAccountNeeds & LinkNeeds
type AccountNeeds = OverviewNeeds & ProfileNeeds & PasswordNeeds & ActivityNeeds
type AccessNeeds = AppsNeeds & SessionsNeeds & AccountFactorNeeds

/** The needs of every page. */
export type PagesNeeds = FrameNeeds & SignInNeeds & EntryNeeds & AccountNeeds & AccessNeeds

export const pages = (needs: PagesNeeds): Route[] => [
  ...signIn(needs),
  ...secondFactor(needs),
  ...entries(needs),
  ...ownAccount(needs),
  ...accountAccess(needs),
  page({ get: '/pages/:file', isFile: true }, needs, async () => (await import('./files.ts')).showFile),
  noSuchPage('/login/:step', needs),
  noSuchPage('/account/:page', needs),
]

const login = () => import('./login.ts')
const passkeyLogin = () => import('./sign-in-passkey.ts')
const consent = () => import('./consent.ts')
const mustChange = () => import('./must-change.ts')
const redirectUri = () => import('./add-redirect-uri.ts')

/** A sign-in by password or passkey, and its last steps. */
const signIn = (needs: SignInNeeds): Route[] => [
  page({ get: '/login', acts: 'visit' }, needs, async () => (await login()).showLogin),
  page({ post: '/login' }, needs, async () => (await login()).answerLogin),
  page({ post: '/login/passkey/options' }, needs, async () => (await passkeyLogin()).offerPasskey),
  page({ post: '/login/passkey' }, needs, async () => (await passkeyLogin()).takePasskey),
  page({ get: '/login/must-change' }, needs, async () => (await mustChange()).showMustChange),
  page({ post: '/login/must-change' }, needs, async () => (await mustChange()).answerMustChange),
  page({ post: '/login/redirect-uri' }, needs, async () => (await redirectUri()).addRedirectUri),
  page({ get: '/consent' }, needs, async () => (await consent()).showConsent),
  page({ post: '/consent' }, needs, async () => (await consent()).answerConsent),
]

const second = () => import('./second-factor.ts')
const enrolment = () => import('./enrol.ts')

/** The second factor of a sign-in, and its enrolment on the way. */
const secondFactor = (needs: SignInNeeds): Route[] => [
  page({ get: '/login/second' }, needs, async () => (await second()).showSecond),
  page({ post: '/login/second' }, needs, async () => (await second()).takeCode),
  page({ get: '/login/recovery' }, needs, async () => (await second()).showRecovery),
  page({ post: '/login/recovery' }, needs, async () => (await second()).takeRecoveryCode),
  page({ get: '/login/enrol' }, needs, async () => (await enrolment()).showEnrolment),
  page({ post: '/login/enrol' }, needs, async () => (await enrolment()).takeEnrolment),
  page({ post: '/login/enrol/passkey/options' }, needs, async () => (await enrolment()).offerEnrolment),
  page({ post: '/login/enrol/passkey' }, needs, async () => (await enrolment()).enrolPasskey),
]

const invite = () => import('./invite.ts')
const signup = () => import('./signup.ts')
const newPasskey = () => import('./new-passkey.ts')
const link = () => import('./link.ts')

/** Ways to an account: invitation, sign-up, and the sign-in link for a person who is locked out. */
const entries = (needs: EntryNeeds): Route[] => [
  page({ get: '/invite' }, needs, async () => (await invite()).showInvite),
  page({ post: '/invite' }, needs, async () => (await invite()).answerInvite),
  page({ post: '/invite/passkey/options' }, needs, async () => (await newPasskey()).offerNewPasskey('invite')),
  page({ post: '/invite/passkey' }, needs, async () => (await newPasskey()).takeNewPasskey('invite')),
  page({ get: '/signup' }, needs, async () => (await signup()).showSignup),
  page({ post: '/signup' }, needs, async () => (await signup()).answerSignup),
  page({ post: '/signup/passkey/options' }, needs, async () => (await newPasskey()).offerNewPasskey('signup')),
  page({ post: '/signup/passkey' }, needs, async () => (await newPasskey()).takeNewPasskey('signup')),
  page({ get: '/link' }, needs, async () => (await link()).showLink),
  page({ post: '/link' }, needs, async () => (await link()).answerLink),
]

/** POST at an account page. @param back the page itself, by GET */
const accountForm = <Needs extends FrameNeeds & SessionNeeds>(
  post: AccountPath,
  back: AccountPath,
  needs: Needs,
  load: Load<Needs, string>,
): Route => {
  const staleForm = async () => (await import('./stale-form.ts')).staleFormPage(back, needs)
  return page<string, Needs>({ post }, needs, load, lateErrorPage(staleForm))
}

const profile = () => import('./account-profile.ts')
const password = () => import('./account-password.ts')

/** A person's own account: overview, profile, password, activity. */
const ownAccount = (needs: AccountNeeds): Route[] => [
  page({ get: '/account' }, needs, async () => (await import('./account-overview.ts')).showOverview),
  page({ get: '/account/profile' }, needs, async () => (await profile()).showProfile),
  accountForm('/account/profile', '/account/profile', needs, async () => (await profile()).changeProfile),
  page({ get: '/account/password' }, needs, async () => (await password()).showPassword),
  accountForm('/account/password', '/account/password', needs, async () => (await password()).changePassword),
  page({ get: '/.well-known/change-password' }, needs, async () => (await password()).toPassword),
  page({ get: '/account/activity' }, needs, async () => (await import('./account-activity.ts')).showActivity),
]

const passkeys = () => import('./account-passkeys.ts')
const twoFactor = () => import('./account-two-factor.ts')
const sessions = () => import('./account-sessions.ts')
const apps = () => import('./account-apps.ts')

/** The access to an account: its factors, its sessions, and the apps that the person consented to. */
const accountAccess = (needs: AccessNeeds): Route[] => [
  page({ get: '/account/passkeys' }, needs, async () => (await passkeys()).showPasskeys),
  accountForm('/account/passkeys', '/account/passkeys', needs, async () => (await passkeys()).changePasskeys),
  accountForm('/account/passkeys/options', '/account/passkeys', needs, async () => (await passkeys()).offerCreation),
  accountForm('/account/passkeys/signals', '/account/passkeys', needs, async () => (await passkeys()).tellSignals),
  page({ get: '/account/two-factor' }, needs, async () => (await twoFactor()).showTwoFactor),
  accountForm('/account/two-factor', '/account/two-factor', needs, async () => (await twoFactor()).changeTwoFactor),
  page({ get: '/account/sessions' }, needs, async () => (await sessions()).showSessions),
  accountForm('/account/sessions', '/account/sessions', needs, async () => (await sessions()).endSessions),
  page({ get: '/account/apps' }, needs, async () => (await apps()).showApps),
  accountForm('/account/apps', '/account/apps', needs, async () => (await apps()).withdrawApp),
]
