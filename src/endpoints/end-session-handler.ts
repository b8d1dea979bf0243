/**
 * GET and POST /logout (RP-Initiated Logout 1.0 §2), and the page that says that it is done. What a request does is
 * decided by sessions/logout.ts; here it is read, and answered.
 */
import type { ClientDirectory } from '../clients/directory.ts'
import { basePath } from '../http/endpoint-url.ts'
import { dropCookie } from '../http/cookies.ts'
import { requireOwnForm } from '../http/own-form.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { actingPerson } from '../pages/acting-person.ts'
import { newFrame, signedOutAddress, type Frame } from '../pages/frame.ts'
import type { FrameNeeds } from '../pages/frame-needs.ts'
import type { PageHandler } from '../pages/handler.ts'
import { seeOther } from '../pages/html.ts'
import { findSessionToEnd, type SessionNeeds, type SignedIn } from '../pages/session.ts'
import { show } from '../pages/show.ts'
import { logoutPage, signedOutPage } from '../pages/templates/leave.ts'
import type { SessionEnds } from '../sessions/ending.ts'
import { decideLogout, type LogoutRequest } from '../sessions/logout.ts'
import type { Store } from '../store/store.ts'
import { readIdTokenHint } from '../tokens/id-token-hint.ts'

export type EndSessionNeeds = FrameNeeds &
  SessionNeeds & {
    store: Pick<Store, 'findKey' | 'findSession' | 'touchSession'>
    keys: KeyRing
    clients: ClientDirectory
    sessionEnds: SessionEnds
  }

/** The parameters that the page of the question sends again. */
const CARRIED = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'ui_locales']

/** All that is read of a request. */
const KNOWN = [...CARRIED, 'logout_hint', 'action', 'csrf']

/** The handler of GET and POST /logout. */
export const answerEndSession =
  (needs: EndSessionNeeds): PageHandler<string> =>
  async (call) => {
    call.sent.requireOnce(KNOWN)
    const action = call.method === 'POST' ? call.sent.get('action') : undefined
    const signedIn = await findSessionToEnd(call, needs)
    // Signed out in another tab: there is nothing to confirm, and a form of then proves nothing.
    const isAnswer = action !== undefined && signedIn !== undefined
    if (isAnswer) requireFormOfOurs(call, needs)
    if (action === 'stay') return seeOther(`${basePath(needs.issuer)}/account`)
    return answerLogout(call, signedIn, isAnswer && action === 'logout', needs)
  }

function requireFormOfOurs({ cookies, sent, header }: PageCall, { issuer }: EndSessionNeeds): void {
  const headers = { origin: header('origin'), 'sec-fetch-site': header('sec-fetch-site') }
  requireOwnForm({ headers, cookies, csrf: sent.get('csrf'), namesSignIn: false, action: sent.get('action') }, issuer)
}

async function answerLogout(
  call: PageCall,
  signedIn: SignedIn | undefined,
  isConfirmed: boolean,
  needs: EndSessionNeeds,
): Promise<Reply> {
  const request = await readLogout(call, signedIn, isConfirmed, needs)
  const decision = decideLogout(request)
  if (decision.act !== 'come_again' && decision.ends) {
    const { sessionId, userId } = decision.ends
    await needs.sessionEnds.signOut(sessionId, actingPerson(userId, call))
  }
  switch (decision.act) {
    case 'ask':
      return ask(call, request, signedIn, needs)
    case 'come_again':
      return seeOther(`${basePath(needs.issuer)}/logout?${new URLSearchParams([...carried(call)]).toString()}`)
    case 'end': {
      // A form of another site comes without the cookie: it may be that of another session.
      const headers = call.cookies.session === undefined ? [] : dropCookie('session', needs.issuer)
      const signedOut = signedOutAddress(frameOf(call, signedIn, needs), newFrame(call, needs))
      return seeOther(decision.goTo ?? signedOut, headers)
    }
  }
}

async function readLogout(
  call: PageCall,
  signedIn: SignedIn | undefined,
  isConfirmed: boolean,
  needs: EndSessionNeeds,
): Promise<LogoutRequest> {
  const { sent } = call
  const sentHint = sent.get('id_token_hint')
  const hint = sentHint === undefined ? undefined : await readIdTokenHint(sentHint, needs)
  return {
    hint,
    client: hint && needs.clients.find(hint.clientId),
    clientId: sent.get('client_id'),
    postLogoutRedirectUri: sent.get('post_logout_redirect_uri'),
    state: sent.get('state'),
    browser: signedIn && { sessionId: signedIn.session.id, userId: signedIn.person.user.id },
    isConfirmed,
    isForeignForm: call.method === 'POST' && !isConfirmed,
  }
}

const carried = ({ sent }: PageCall): Iterable<[string, string]> =>
  CARRIED.flatMap((name): [string, string][] => {
    const value = sent.get(name)
    return value === undefined ? [] : [[name, value]]
  })

function ask(call: PageCall, request: LogoutRequest, signedIn: SignedIn | undefined, needs: EndSessionNeeds) {
  if (!signedIn) throw new Error('nobody is signed in, so nobody can be asked')
  const { user } = signedIn.person
  const frame = frameOf(call, signedIn, needs)
  const view = {
    account: { username: user.username, name: user.name, email: user.email },
    client: request.client?.name ?? undefined,
    isGoingBack: goesBack(request),
    hidden: Object.fromEntries(carried(call)),
  }
  return show(frame, logoutPage(frame, view))
}

const frameOf = (call: PageCall, signedIn: SignedIn | undefined, needs: FrameNeeds): Frame =>
  newFrame(call, needs, {
    secret: signedIn?.secret,
    uiLocales: call.sent.get('ui_locales')?.split(' '),
    locale: signedIn?.person.user.profile.locale,
  })

/** Whether the person, having said yes, is led to the client. */
function goesBack(request: LogoutRequest): boolean {
  const decision = decideLogout({ ...request, isConfirmed: true })
  return decision.act === 'end' && decision.goTo !== undefined
}

/** GET /signed-out: the end of a sign-out that leads back to no client. */
export const showSignedOut =
  (needs: FrameNeeds): PageHandler<string> =>
  (call) => {
    const frame = frameOf(call, undefined, needs)
    return show(frame, signedOutPage(frame))
  }
