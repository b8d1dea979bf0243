/**
 * The forms by which people make accounts: by invitation, and by sign-up where that is on. The account, its password or
 * passkey and the end of the invitation are one write; then the person is signed in by the machine of sign-ins.
 */
import type { SignIns, SignInNeeds } from '../authorize/sign-ins.ts'
import type { AuditTrail } from '../audit.ts'
import type { Config } from '../config/setting.ts'
import type { PasswordQueue } from '../ground/hash-queue.ts'
import { orNone } from '../ground/blank.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { hashOf } from '../ground/secret-value.ts'
import { PageFault } from '../http/page-fault.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { PasskeyMade, Person } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import type { FoundInvitation, Invitations } from '../users/invitation.ts'
import { passkeyDetails } from '../users/passkey.ts'
import { Passwords } from '../users/password.ts'
import { LinkRefusal, NameTaken } from '../users/refusals.ts'
import type { UserRegistry } from '../users/registration.ts'
import { leastCharacters } from '../users/strength.ts'
import { canonicalName, findEmailFault, findNameFault } from '../users/username.ts'
import { actingPerson } from './acting-person.ts'
import { browserOf, goneFault, goOn, loginCookie, refOf, requestTerms, takeStep, type GoOnNeeds } from './go-on.ts'
import { newFrame } from './frame.ts'
import { show } from './show.ts'
import { addressTakenPage, signupPage } from './templates/signup.ts'
import type { FormError, SignupView } from './views.ts'
import { weakPassword } from './weak-password.ts'

export type NewAccountNeeds = GoOnNeeds &
  SignInNeeds & {
    store: Store
    audit: AuditTrail
    config: Config
    userRegistry: UserRegistry
    invitations: Invitations
    hashQueue: PasswordQueue
  }

/** The invitation or sign-up that a form of a new account rests on. */
export interface Source {
  kind: 'invite' | 'signup'
  /** Of the invitation. */
  token?: string
  invitation?: Extract<FoundInvitation, { state: 'good' }>
}

/** The values that were typed. */
export interface Typed {
  username: string
  email: string | undefined
  name: string | undefined
  password: string | undefined
}

/** @throws PageFault where the link cannot be used */
export async function invitedBy(token: string | undefined, { invitations }: NewAccountNeeds): Promise<Source> {
  const found = await invitations.find(token ?? '')
  if (found.state !== 'good') throw linkFault(found.state)
  return { kind: 'invite', token: token ?? '', invitation: found }
}

const LINK_REASON = {
  used: 'the link was used, or taken back',
  expired: 'the link is over',
  unknown: 'there is no such link',
} as const

/** A link is told to be over as long as it is remembered. One that was never made reads like one that was used. */
export const linkFault = (state: LinkRefusal['state']): PageFault =>
  new PageFault(state === 'expired' ? 'expired' : 'link_used', 400, { reason: LINK_REASON[state], isOfLink: true })

/** @throws PageFault where strangers cannot sign up */
export function signUp({ config: { signUp: mode } }: NewAccountNeeds): Source {
  if (mode === 'open' || mode === 'domains') return { kind: 'signup' }
  throw new PageFault('not_found', 404, { reason: `SIGNET_SIGNUP is ${mode}` })
}

/** An invitation that names an address or an account decides on them, whatever was typed. */
export function typedIn(get: (name: string) => string | undefined, { invitation }: Source): Typed {
  return {
    username: invitation?.person?.user.username ?? canonicalName(get('username') ?? ''),
    email: invitation?.facts.email ?? get('email')?.trim(),
    name: orNone(get('name') ?? '')?.trim(),
    password: get('password'),
  }
}

/** The fault of the values that were typed, but for the password. */
export function findFault(typed: Typed, { kind, invitation }: Source, config: Config): FormError | undefined {
  if (!invitation?.person && findNameFault(typed.username) !== undefined)
    return { code: 'username_taken', field: 'username', words: 'invalid_username' }
  if (typed.email !== undefined && findEmailFault(typed.email) !== undefined)
    return { code: 'invalid_email', field: 'email' }
  if (kind === 'signup' && config.signUp === 'domains' && !isOfDomain(typed.email, config))
    return { code: 'not_allowed', field: 'email' }
  if ((typed.name?.length ?? 0) > 200 || /\p{Cc}/u.test(typed.name ?? '')) return { code: 'too_long', field: 'name' }
  return undefined
}

const isOfDomain = (email: string | undefined, { signUpDomains }: Config): boolean =>
  signUpDomains.includes(email?.toLowerCase().split('@').at(-1) ?? '')

/** A new factor: a password that was typed, or a passkey with the handle that it was made for. */
export type Means = { password: string } | { passkey: PasskeyMade; handle: string }

/**
 * Makes the account, or hands it over. @returns the person, or what has to be typed anew
 * @throws PageFault where the invitation was used meanwhile
 */
export async function makeAccount(
  call: Pick<PageCall, 'network' | 'facts' | 'header'>,
  typed: Typed,
  source: Source,
  means: Means,
  { userRegistry, store, audit }: NewAccountNeeds,
): Promise<{ person: Person } | { error: FormError }> {
  const { invitation } = source
  const id = invitation?.person?.user.id ?? timeOrderedId(store.now())
  const by = actingPerson(id, call)
  const terms = {
    network: call.network,
    origin: 'person' as const,
    invitation: invitation?.hash,
    isTrusted: invitation?.facts.isTrusted ?? false,
    isNameChosen: true,
    details: { by: source.kind },
    ...('passkey' in means && {
      handle: means.handle,
      passkey: {
        ...means.passkey,
        event: audit.event('passkey.added', id, { ...by, details: passkeyDetails(means.passkey.record) }),
      },
    }),
  }
  const password = 'password' in means ? means.password : undefined
  const { username, email, name } = typed
  try {
    if (invitation?.person)
      return { person: await userRegistry.takeOver(invitation.person, { password, name }, by, terms) }
    // An address that only its owner has named is not proven, so it does not sign in.
    const verified = { email_verified: invitation?.facts.email !== null && invitation !== undefined }
    const groups = invitation?.facts.groups ?? []
    const wanted = { id, username, name: name ?? null, email: email ?? null, ...verified, groups, password }
    return { person: await userRegistry.create(wanted, by, terms) }
  } catch (error) {
    if (error instanceof LinkRefusal) throw linkFault(error.state)
    if (error instanceof NameTaken)
      return { error: { code: 'username_taken', field: error.member === 'email' ? 'email' : 'username' } }
    throw error
  }
}

/** Signs the new person in: in the sign-in that led here, else in one of its own. */
export async function signInNew(
  call: PageCall,
  person: Person,
  amr: string[],
  { signIns, ...needs }: NewAccountNeeds & { signIns: SignIns },
) {
  const step = { step: 'sign_in', proof: { kind: 'new_user', userId: person.user.id, amr } } as const
  const met = browserOf(call)
  const tx = call.sent.get('tx') ?? call.json.tx
  if (typeof tx === 'string' && tx !== '') return { reached: await takeStep(call, step, signIns), headers: [] }
  const begun = await signIns.beginOwn(met.browser, '/account')
  const ref = { id: begun.signIn.id, browserHash: hashOf(met.browser.loginSecret) }
  const reached = await signIns.take(ref, step, met.browser)
  if ('gone' in reached) throw goneFault(reached, call)
  return { reached, headers: loginCookie(met, needs.issuer) }
}

/** POST of a form: with a password. */
export async function answerForm(
  call: PageCall,
  source: Source,
  needs: NewAccountNeeds & { signIns: SignIns },
): Promise<Reply> {
  const { config, hashQueue } = needs
  const typed = typedIn((name) => call.sent.get(name), source)
  if (await isAddressTaken(source, needs)) return showForm(call, source, needs)
  if (call.sent.get('action') !== 'create' || !config.passwords) return showForm(call, source, needs)
  const fault = findFault(typed, source, config) ?? (await findWeakness(typed, new Passwords(hashQueue, config)))
  if (fault) return showForm(call, source, needs, fault)
  const made = await makeAccount(call, typed, source, { password: typed.password ?? '' }, needs)
  if ('error' in made) return showForm(call, source, needs, made.error)
  const { reached, headers } = await signInNew(call, made.person, ['pwd'], needs)
  return goOn(call, reached, needs, headers)
}

async function findWeakness(typed: Typed, passwords: Passwords): Promise<FormError | undefined> {
  const owner = { username: typed.username, email: typed.email ?? null, name: typed.name ?? null }
  const { password = '' } = typed
  const weakness = await passwords.findWeakness(password, owner)
  if (weakness === undefined) return undefined
  return { ...weakPassword(weakness), ...(password === '' && { words: 'no_password' }) }
}

/**
 * Whether the address of an invitation got an account after the invitation: no value that can be typed makes another one.
 * The holder of the link knows the address.
 */
async function isAddressTaken({ invitation }: Source, { invitations }: NewAccountNeeds): Promise<boolean> {
  const email = invitation?.person ? null : (invitation?.facts.email ?? null)
  return email !== null && (await invitations.findHolder(email)) !== undefined
}

/** The sign-in that a form is part of, as far as the form knows it: a client may wait behind it. */
async function waitingTerms(call: PageCall, needs: NewAccountNeeds & { signIns: SignIns }) {
  if (!call.sent.has('tx')) return {}
  const reached = await needs.signIns.find(refOf(call))
  return 'gone' in reached ? {} : requestTerms(reached, needs)
}

/** The form, filled with what was typed but the password. */
export async function showForm(
  call: PageCall,
  source: Source,
  needs: NewAccountNeeds & { signIns: SignIns },
  error?: FormError,
): Promise<Reply> {
  const { config } = needs
  const { kind, token, invitation } = source
  const { sent } = call
  const met = browserOf(call)
  const tx = sent.get('tx')
  const locale = invitation?.person?.user.profile.locale
  const frame = newFrame(call, needs, {
    secret: met.browser.loginSecret,
    ...(tx !== undefined && { tx }),
    ...(await waitingTerms(call, needs)),
    locale,
  })
  if (await isAddressTaken(source, needs)) {
    const signInAt = frame.at(tx === undefined ? '/login' : `/login?tx=${encodeURIComponent(tx)}`)
    Object.assign(call.facts, { error: 'username_taken', reason: 'the address of the invitation has an account' })
    return show(frame, addressTakenPage(frame, signInAt), { status: 409 })
  }
  const typed = typedIn((name) => sent.get(name), source)
  const view: SignupView = {
    kind,
    token,
    username: typed.username || undefined,
    email: typed.email,
    name: typed.name ?? invitation?.person?.user.name ?? undefined,
    isUsernameFixed: invitation?.person !== undefined,
    isEmailFixed: invitation !== undefined && invitation.facts.email !== null,
    isForOperator: invitation?.facts.isTrusted,
    hasPassword: config.passwords,
    hasPasskey: true,
    leastCharacters: leastCharacters(config),
    ...(tx !== undefined && { signInAt: frame.at(`/login?tx=${encodeURIComponent(tx)}`) }),
    ...(error && { error }),
  }
  return show(frame, signupPage(frame, view), { status: error ? 422 : 200, headers: loginCookie(met, needs.issuer) })
}
