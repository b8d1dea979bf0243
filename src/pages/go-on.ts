/**
 * How a page of a sign-in goes on: to the page that the rule names next, or back to the client. No page decides itself
 * where a person goes.
 */
import { answerTo, errorValues, type AnswerValues, type ClientAddress } from '../authorize/answer-client.ts'
import type { Next } from '../authorize/prompt.ts'
import type { Browser } from '../authorize/enter-session.ts'
import type { Gone, Reached, SignIns } from '../authorize/sign-ins.ts'
import type { Step } from '../authorize/steps.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import { setCookie } from '../http/cookies.ts'
import { basePath } from '../http/endpoint-url.ts'
import { PageFault } from '../http/page-fault.ts'
import { json, type Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { BROWSER_KNOWN_SECONDS } from '../store/records/guess.ts'
import type { SignInRef } from '../store/records/sign-in-step.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { newFrame, type Frame, type FrameTerms } from './frame.ts'
import { seeOther } from './html.ts'
import { isByScript } from './handler.ts'
import { isReturnPath } from './session.ts'
import { show } from './show.ts'
import { formPostPage } from './templates/form-post.ts'

export interface GoOnNeeds extends FrameNeeds {
  clients: Pick<ClientDirectory, 'find'>
}

/** No cookie has this hash. */
const NO_BROWSER = 'none'

/** The browser of a call. `isNew`: it has no `login` cookie yet, and gets one. */
export function browserOf({ cookies, header, network, facts }: PageCall): { browser: Browser; isNew: boolean } {
  const browser = {
    loginSecret: cookies.login ?? newSecretValue(),
    sessionSecret: cookies.session,
    deviceSecret: cookies.device ?? newSecretValue(),
    userAgent: header('user-agent') ?? '',
    network,
    requestId: facts.request_id,
    isByScript: isByScript({ header }),
  }
  return { browser, isNew: cookies.login === undefined }
}

/** The sign-in that a call names, of this browser. */
export function refOf({ sent, json: body, cookies }: PageCall): SignInRef {
  const inJson = typeof body.tx === 'string' ? body.tx : undefined
  const browserHash = cookies.login === undefined ? NO_BROWSER : hashOf(cookies.login)
  return { id: sent.get('tx') ?? inJson ?? '', browserHash }
}

/** The page of each answer that the rule gives. */
const PAGES = {
  sign_in: '/login',
  choose_account: '/login',
  sign_up: '/signup',
  second: '/login/second',
  must_change: '/login/must-change',
  must_enrol: '/login/enrol',
  not_allowed: '/consent',
  consent: '/consent',
} as const

type PageKind = keyof typeof PAGES

const isPage = (kind: Next['kind']): kind is PageKind => Object.hasOwn(PAGES, kind)

/** A sign-in in which one of these pages is due. */
export type At<Kind extends Next['kind']> = Reached & { next: Extract<Next, { kind: Kind }> }

/**
 * The sign-in of a page, where the page is due in it.
 * @returns a reply that leads to the right page, where another one is due
 * @throws PageFault where the sign-in is over, or another browser's
 */
export async function findStep<const Kind extends Next['kind']>(
  call: PageCall,
  kinds: readonly Kind[],
  needs: GoOnNeeds & { signIns: SignIns },
): Promise<{ at: At<Kind> } | { elsewhere: Reply }> {
  const reached = await needs.signIns.find(refOf(call))
  if ('gone' in reached) throw goneFault(reached, call)
  if (reached.signIn.request) call.facts.client_id = reached.signIn.request.clientId
  if (isAt(reached, kinds)) return { at: reached }
  const isLate = reached.next.kind === 'code' && givesUp(call)
  return { elsewhere: await goOn(call, isLate ? await takeStep(call, LATE_CANCEL, needs.signIns) : reached, needs) }
}

/** Somebody agreed elsewhere, so a code is due; who gives up here gets none all the same. */
const LATE_CANCEL: Step = { step: 'cancel', reason: 'the person gave up, and had agreed elsewhere' }

const givesUp = ({ method, sent }: PageCall): boolean =>
  method === 'POST' && ['cancel', 'deny', 'back'].includes(sent.get('action') ?? '')

/** Whether one of these pages is due in a sign-in. */
export const isAt = <Kind extends Next['kind']>(reached: Reached, kinds: readonly Kind[]): reached is At<Kind> =>
  kinds.some((kind) => kind === reached.next.kind)

/** Takes a step of the sign-in that a call names. @throws PageFault where it is over, or another browser's */
export async function takeStep(call: PageCall, step: Step, signIns: SignIns): Promise<Reached> {
  const reached = await signIns.take(refOf(call), step, browserOf(call).browser)
  if ('gone' in reached) throw goneFault(reached, call)
  return reached
}

export function goneFault({ gone }: Gone, { cookies, whyNoCookie }: PageCall): PageFault {
  if (gone !== 'other_browser')
    return new PageFault('expired', 400, { reason: 'the sign-in is over, or there was none' })
  const reason = cookies.login === undefined ? whyNoCookie() : 'another browser began the sign-in'
  return new PageFault('other_browser', 403, { reason })
}

/** Leads the person on: to the next page, or to the client. @param more headers, as a new `login` cookie */
export async function goOn(
  call: PageCall,
  reached: Reached,
  needs: GoOnNeeds,
  more: readonly string[] = [],
): Promise<Reply> {
  const headers = [...cookiesOf(reached, needs.issuer), ...more]
  // No step was taken, e.g. since the person has agreed in another browser: /authorize gives the code that is due.
  if (reached.next.kind === 'code' && reached.code === undefined && !isByScript(call))
    return seeOther(placeLater(reached, needs.issuer), headers)
  const answer = answerOf(call, reached)
  if (answer) return tellClient(call, answer.to, answer.values, needs, headers)
  return seeOther(placeOf(reached, needs.issuer), headers)
}

/** The same for a script of a page: it sends the browser there. What the client is told, /authorize tells it. */
export const goOnJson = (_call: PageCall, reached: Reached, { issuer }: GoOnNeeds): Reply =>
  json({ location: placeLater(reached, issuer) }, 200, cookiesOf(reached, issuer))

/** The place where a sign-in goes on that was taken further without an answer to its client. */
export function placeLater(reached: Reached, issuer: string): string {
  const { next, signIn } = reached
  const isForClient = signIn.request !== null && (next.kind === 'code' || next.kind === 'error')
  return isForClient ? `${basePath(issuer)}/authorize?tx=${signIn.id}` : placeOf(reached, issuer)
}

/** The answer to the client, where the sign-in ends with one. */
function answerOf(
  call: PageCall,
  { next, signIn: { request }, code }: Reached,
): { to: ClientAddress; values: AnswerValues } | undefined {
  if (!request || (next.kind !== 'code' && next.kind !== 'error')) return undefined
  call.facts.client_id = request.clientId
  if (next.kind === 'error') {
    Object.assign(call.facts, { error: next.error, reason: next.reason ?? next.description })
    return { to: request, values: errorValues(next.error, next.description) }
  }
  if (code === undefined) throw new PageFault('expired', 400, { reason: 'the code of this sign-in was given already' })
  return { to: request, values: [['code', code]] }
}

/** @throws PageFault where nothing but an error can be shown */
function placeOf(reached: Reached, issuer: string): string {
  const { next, signIn, facts } = reached
  const base = basePath(issuer)
  if (isPage(next.kind)) return `${base}${PAGES[next.kind]}?tx=${signIn.id}`
  if (next.kind === 'arrived') return arrivalOf(reached, issuer)
  // Without a client there is nobody to tell of an error: the person gave up.
  if (next.kind === 'error') return `${base}${facts.session ? '/account' : '/login'}`
  if (next.kind !== 'fault') throw finishedFault(reached, issuer)
  const status = next.fault === 'account_disabled' ? 403 : 400
  throw new PageFault(next.fault, status, { reason: next.reason })
}

/** The place where a person arrives who signs in without a client. */
export const arrivalOf = ({ signIn: { returnTo } }: Pick<Reached, 'signIn'>, issuer: string): string =>
  `${basePath(issuer)}${returnTo !== null && isReturnPath(returnTo) ? returnTo : '/account'}`

/** "Back" and reload lead to the page of a sign-in that is finished: it can be told what is, since the browser is the same. */
const finishedFault = ({ facts: { client } }: Reached, issuer: string): PageFault =>
  new PageFault('expired', 400, {
    reason: 'the sign-in is finished',
    finished: { app: client && appOf(client, issuer) },
  })

/** The address at which a client can be opened (OIDC Core §4), or its home page. */
function appOf({ name, clientId, disabledAt, initiateLoginUri, clientUri }: ClientRecord, issuer: string) {
  const known = initiateLoginUri ?? clientUri
  if (known === null || disabledAt !== null) return undefined
  const address = new URL(known)
  if (initiateLoginUri !== null) address.searchParams.set('iss', issuer)
  return { name: name ?? clientId, address: address.href }
}

/** Sends values to a client at its proven redirect URI. */
export async function tellClient(
  call: PageCall,
  to: ClientAddress,
  values: AnswerValues,
  needs: GoOnNeeds,
  headers: readonly string[] = [],
): Promise<Reply> {
  const answer = answerTo(to, values, needs.issuer)
  if (answer.by === 'redirect') return seeOther(answer.location, headers)
  const frame = newFrame(call, needs)
  const view = { action: answer.action, values: answer.values, client: clientNameOf(to.clientId, needs) }
  return show(frame, formPostPage(frame, view), { headers })
}

export const clientNameOf = (clientId: string, { clients }: GoOnNeeds): string =>
  clients.find(clientId)?.name ?? clientId

/** The part of a frame that the client's request decides: the client that waits, and the language. */
export const requestTerms = (
  { signIn: { request } }: Reached,
  needs: GoOnNeeds,
): Pick<FrameTerms, 'client' | 'uiLocales'> =>
  request ? { client: { name: clientNameOf(request.clientId, needs) }, uiLocales: request.uiLocales } : {}

/** The frame of a page of a sign-in. */
export function frameOf(call: PageCall, reached: Reached, needs: GoOnNeeds): Frame {
  const { signIn, next, facts } = reached
  const person = 'standing' in next ? next.standing.person : facts.person
  return newFrame(call, needs, {
    secret: call.cookies.login,
    tx: signIn.id,
    ...requestTerms(reached, needs),
    locale: person?.user.profile.locale,
  })
}

export function cookiesOf({ session, deviceSecret }: Reached, issuer: string): string[] {
  if (!session) return []
  const device = deviceSecret === undefined ? [] : setCookie('device', deviceSecret, issuer, BROWSER_KNOWN_SECONDS)
  return [...setCookie('session', session.secret, issuer, session.maxAgeSeconds), ...device]
}

/** The `login` cookie of a browser that had none. */
export const loginCookie = ({ browser, isNew }: ReturnType<typeof browserOf>, issuer: string): string[] =>
  isNew ? setCookie('login', browser.loginSecret, issuer) : []
