/** GET and POST /authorize: reads the request, begins a sign-in, and leads to the page or the client that follows. */
import { AuthorizationError, errorValues } from '../authorize/answer-client.ts'
import { readRequest, UnprovenClient } from '../authorize/request.ts'
import { SignIns, type SignInNeeds } from '../authorize/sign-ins.ts'
import type { Config } from '../config/setting.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { findRedirectFault, isRedirectUri } from '../clients/redirect-uri.ts'
import { basePath } from '../http/endpoint-url.ts'
import { PageFault } from '../http/page-fault.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { Clock } from '../ground/clock.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type { SentParameters } from '../http/sent.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { AuthorizationRequest } from '../store/records/sign-in.ts'
import type { Store } from '../store/store.ts'
import { readIdTokenHint } from '../tokens/id-token-hint.ts'
import { isOperator } from '../users/person.ts'
import { newFrame } from '../pages/frame.ts'
import type { FrameNeeds } from '../pages/frame-needs.ts'
import { browserOf, goneFault, goOn, loginCookie, clientNameOf, tellClient } from '../pages/go-on.ts'
import { seeOther } from '../pages/html.ts'
import { findLiveSession } from '../pages/session.ts'
import { show } from '../pages/show.ts'
import { mismatchPage } from '../pages/templates/errors.ts'

export type AuthorizeNeeds = FrameNeeds &
  SignInNeeds & {
    store: Store
    clients: ClientDirectory
    resources: ResourceDirectory
    keys: KeyRing
    clock: Clock
    config: Config
  }

/** The address behind the button of the mismatch page. */
export const ADD_REDIRECT_URI = '/login/redirect-uri'

export function answerAuthorize(needs: AuthorizeNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  const { signUp } = needs.config
  const terms = {
    clients: needs.clients,
    resources: needs.resources,
    isSignUpOn: signUp === 'open' || signUp === 'domains',
    readHint: (text: string) => readIdTokenHint(text, needs),
    findName: async (id: string) => (await needs.store.findPerson({ id }))?.user.username,
  }
  const begin = async (call: PageCall): Promise<Reply> => {
    const { request } = await readRequest(call.sent, terms)
    call.facts.client_id = request.clientId
    noteDropped(call, request)
    // The form of another site comes without our cookies. The browser comes again by GET, and brings them.
    if (call.method === 'POST') return seeOther(`${basePath(needs.issuer)}/authorize?tx=${await signIns.keep(request)}`)
    const met = browserOf(call)
    return goOn(call, await signIns.begin(request, met.browser), needs, loginCookie(met, needs.issuer))
  }
  return async (call) => {
    try {
      return await (isOurOwn(call) ? resume(call, signIns, needs) : begin(call))
    } catch (error) {
      return refuse(call, error, needs)
    }
  }
}

/** A sign-in that goes on: a form that was kept, or the end of one whose last step a script took. */
const isOurOwn = ({ method, sent }: PageCall): boolean => method === 'GET' && sent.has('tx') && !sent.has('client_id')

async function resume(call: PageCall, signIns: SignIns, needs: AuthorizeNeeds): Promise<Reply> {
  const met = browserOf(call)
  const reached = await signIns.resume(call.sent.get('tx') ?? '', met.browser)
  if ('gone' in reached) throw goneFault(reached, call)
  return goOn(call, reached, needs, loginCookie(met, needs.issuer))
}

/** The doctor tells which scopes of a request were dropped. The names are those of the request, so few of them are kept. */
function noteDropped({ sent, facts }: PageCall, { scope }: AuthorizationRequest): void {
  const asked = (sent.get('scope') ?? '').split(' ').filter((value) => /^[\w:./*-]{1,64}$/.test(value))
  const dropped = asked.filter((value) => !scope.includes(value)).slice(0, 10)
  if (dropped.length > 0) facts.dropped_scope = dropped.join(' ')
}

async function refuse(call: PageCall, error: unknown, needs: AuthorizeNeeds): Promise<Reply> {
  if (error instanceof AuthorizationError) {
    Object.assign(call.facts, { client_id: error.to.clientId, error: error.code, reason: error.reason })
    return tellClient(call, error.to, errorValues(error.code, error.message), needs)
  }
  if (!(error instanceof UnprovenClient)) throw error
  const fault = new PageFault(error.code, 400, { reason: error.message })
  const { client, redirectUri } = error
  if (client) call.facts.client_id = client.clientId
  const offer = client && redirectUri !== undefined && (await offerToAdd(call, { client, redirectUri }, needs))
  if (!offer) throw fault
  Object.assign(call.facts, { error: fault.code, reason: fault.message })
  return offer
}

/** The button that adds the address to the client. Only an operator who is signed in sees it, and the raw address. */
async function offerToAdd(
  call: PageCall,
  { client, redirectUri }: { client: ClientRecord; redirectUri: string },
  needs: AuthorizeNeeds,
): Promise<Reply | undefined> {
  if (!mayRegister(redirectUri, client)) return undefined
  const found = await findLiveSession(call, needs)
  if (!found || !isOperator(found.person)) return undefined
  const frame = newFrame(call, needs, { secret: found.secret, locale: found.person.user.profile.locale })
  const hidden = { client_id: client.clientId, redirect_uri: redirectUri, request: queryOf(call.sent) }
  const view = { client: clientNameOf(client.clientId, needs), redirectUri, action: ADD_REDIRECT_URI, hidden }
  return show(frame, mismatchPage(frame, view), { status: 400 })
}

/** A button that could only be refused is not shown. */
const mayRegister = (redirectUri: string, client: ClientRecord): boolean =>
  isRedirectUri(redirectUri) &&
  findRedirectFault({ ...client, redirectUris: [...client.redirectUris, redirectUri] }) === undefined

const queryOf = (sent: SentParameters): string =>
  new URLSearchParams(sent.entries().map(([name, value]): [string, string] => [name, value])).toString()
