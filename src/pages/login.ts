/** GET and POST /login: user name and password, the choice of an account, and the start of a sign-in without a client. */
import { SignIns, type SignInNeeds } from '../authorize/sign-ins.ts'
import { maySignIn } from '../authorize/standing.ts'
import { personConfirming, type Step } from '../authorize/steps.ts'
import type { Config } from '../config/setting.ts'
import type { Clock } from '../ground/clock.ts'
import type { PasswordQueue } from '../ground/hash-queue.ts'
import { hashOf } from '../ground/secret-value.ts'
import { basePath } from '../http/endpoint-url.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { Person } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import { Guesses } from '../users/guesses.ts'
import { Passwords } from '../users/password.ts'
import { accountView } from './account-view.ts'
import {
  arrivalOf,
  browserOf,
  findStep,
  frameOf,
  goOn,
  loginCookie,
  takeStep,
  type At,
  type GoOnNeeds,
} from './go-on.ts'
import { seeOther } from './html.ts'
import { findLiveSession, isReturnPath } from './session.ts'
import { show } from './show.ts'
import { loginPage } from './templates/login.ts'
import type { FormError, LoginView } from './views.ts'

export type LoginNeeds = GoOnNeeds &
  SignInNeeds & { store: Store; clock: Clock; config: Config; hashQueue: PasswordQueue }

/** The sign-ins in which this page is due. */
const HERE = ['sign_in', 'choose_account'] as const

type Here = At<(typeof HERE)[number]>

export function showLogin(needs: LoginNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => {
    if (!call.sent.has('tx')) return startOwn(call, signIns, needs)
    const found = await findStep(call, HERE, { ...needs, signIns })
    if ('elsewhere' in found) return found.elsewhere
    return (await signedInElsewhere(call, found.at, needs)) ?? showForm(call, found.at, needs)
  }
}

/**
 * The way on for a person who has signed in by another tab of this browser since the page was shown. /authorize takes the
 * session up, and leads back here where the request does not believe it.
 */
async function signedInElsewhere(call: PageCall, at: Here, needs: LoginNeeds): Promise<Reply | undefined> {
  const { userId, request, id } = at.signIn
  if (userId !== null) return undefined
  const found = await findLiveSession(call, needs)
  const known = at.facts.session?.session.id
  if (!found || found.session.id === known) return undefined
  if (request) return seeOther(`${basePath(needs.issuer)}/authorize?tx=${id}`)
  return known === undefined ? seeOther(arrivalOf(at, needs.issuer)) : undefined
}

/** Without a client the person goes to the account page, or back to where a fresh sign-in was asked for. */
async function startOwn(call: PageCall, signIns: SignIns, needs: LoginNeeds): Promise<Reply> {
  const { issuer } = needs
  const asked = call.sent.get('return_to') ?? ''
  const returnTo = isReturnPath(asked) ? asked : '/account'
  const isForced = call.sent.get('prompt') === 'login'
  if (!isForced && (await findLiveSession(call, needs))) return seeOther(`${basePath(issuer)}${returnTo}`)
  const met = browserOf(call)
  return goOn(call, await signIns.beginOwn(met.browser, returnTo), needs, loginCookie(met, issuer))
}

export function answerLogin(needs: LoginNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  const passwords = new Passwords(needs.hashQueue, needs.config)
  const guesses = new Guesses(needs)
  return async (call) => {
    const found = await findStep(call, HERE, { ...needs, signIns })
    if ('elsewhere' in found) return found.elsewhere
    const action = call.sent.get('action')
    if (action === 'sign-in') return signIn(call, found.at, { ...needs, signIns, passwords, guesses })
    // Without the button of this page no step is taken.
    const step = stepOf(action)
    return step ? goOn(call, await takeStep(call, step, signIns), needs) : showForm(call, found.at, needs)
  }
}

function stepOf(action: string | undefined): Step | undefined {
  if (action === 'continue') return { step: 'choose_account' }
  if (action === 'switch') return { step: 'switch' }
  return action === 'cancel' ? { step: 'cancel', reason: 'the person cancelled' } : undefined
}

type Judges = LoginNeeds & { signIns: SignIns; passwords: Passwords; guesses: Guesses }

/** The same answer in the same time, whether the person is unknown or disabled, has no password, or has another one. */
async function signIn(call: PageCall, at: Here, needs: Judges): Promise<Reply> {
  const { sent, network, cookies } = call
  const confirming = personConfirming(at.facts)
  const username = confirming?.user.username ?? sent.get('username') ?? ''
  const person = await needs.signIns.findPerson(username)
  const browserHash = cookies.device === undefined ? undefined : hashOf(cookies.device)
  const userId = person?.user.id
  const guess = await needs.guesses.count({ kind: 'password', userId, name: username, network, browserHash })
  if (guess.outcome === 'wait') return tooMany(call, at, guess.seconds, needs)
  const check = await needs.passwords.check(person?.user, sent.get('password') ?? '', network)
  if (!check.matches || check.compared === null || userId === undefined) {
    needs.traffic.people.factors.password.refused += 1
    return refused(call, at, person, needs)
  }
  const { compared: passwordHash, renewed: renewedHash } = check
  const reached = await takeStep(
    call,
    {
      step: 'sign_in',
      proof: { kind: 'password', userId, passwordHash, renewedHash },
      isRemembered: sent.has('remember'),
      forgives: guess.bucket,
    },
    needs.signIns,
  )
  return reached.isRefused ? refused(call, at, person, needs) : goOn(call, reached, needs)
}

function refused(call: PageCall, at: Here, person: Person | undefined, needs: LoginNeeds): Promise<Reply> {
  Object.assign(call.facts, { error: 'invalid_credentials', reason: whyRefused(person, needs) })
  const isConfirming = personConfirming(at.facts) !== undefined
  const error: FormError = { code: 'invalid_credentials', ...(isConfirming && { words: 'wrong_password' }) }
  return showForm(call, at, needs, { error })
}

/** For the log alone: the person reads the same text for each of them. */
function whyRefused(person: Person | undefined, needs: LoginNeeds): string {
  if (!person) return 'nobody has the user name or address'
  if (person.user.disabledAt !== null) return 'the person is disabled'
  if (!maySignIn(person, needs)) return 'the person is on the blacklist'
  return person.user.passwordHash === null ? 'the person has no password' : 'wrong password'
}

function tooMany(call: PageCall, at: Here, seconds: number, needs: LoginNeeds): Promise<Reply> {
  needs.traffic.people.factors.password.waited += 1
  Object.assign(call.facts, { error: 'too_many_attempts', reason: `too many guesses; the source waits ${seconds} s` })
  const error = { code: 'too_many_attempts' as const, retryAfterSeconds: seconds }
  return showForm(call, at, needs, { error }, { status: 429, headers: ['Retry-After', String(seconds)] })
}

/** The form, filled with what was typed but the password. */
function showForm(
  call: PageCall,
  at: Here,
  needs: LoginNeeds,
  more: Partial<LoginView> = {},
  terms: { status?: number; headers?: readonly string[] } = {},
): Promise<Reply> {
  const { sent, method } = call
  const { isRemembered } = at.signIn
  const { config } = needs
  const frame = frameOf(call, at, needs)
  const isOpen = config.signUp === 'open' || config.signUp === 'domains'
  const confirming = personConfirming(at.facts)
  const view: LoginView = {
    username: confirming?.user.username ?? suggestedName(call, at),
    isRemembered: method === 'POST' ? sent.has('remember') : isRemembered,
    hasPassword: config.passwords,
    hasPasskey: true,
    ...(isOpen && !confirming && { signUpAt: frame.at(`/signup?tx=${at.signIn.id}`) }),
    ...(at.next.kind === 'choose_account' && { account: accountView(at.next.standing.person) }),
    isConfirming: confirming !== undefined,
    ...more,
  }
  return show(frame, loginPage(frame, view), terms)
}

/**
 * A client may ask who is signed in to sign in again; another person may answer (WCAG 2.2, 3.3.7). Where the client asks
 * for a certain person, no other one is suggested.
 */
function suggestedName({ sent }: PageCall, { signIn: { request }, next, facts }: Here): string | undefined {
  const before = next.kind === 'sign_in' ? (facts.session?.person ?? facts.person)?.user : undefined
  const isMeant = before?.id === (request?.hintedSub ?? before?.id)
  return sent.get('username') ?? ((request?.loginHint ?? (isMeant ? before?.username : undefined)) || undefined)
}
