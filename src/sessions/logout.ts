/**
 * RP-Initiated Logout 1.0: what a request to sign out does, as a pure rule. A genuine hint of the session of this browser
 * and a registered address end the session at once. A form of another site with a genuine hint ends the session that the
 * hint names, whatever cookie comes with it. Anything less asks the person first. Only a genuine hint leads back to a
 * client.
 */
import type { ClientRecord } from '../store/records/client.ts'
import type { IdTokenHint } from '../tokens/id-token-hint.ts'

interface EndedSession {
  sessionId: string
  userId: string
}

export interface LogoutRequest {
  /** A genuine hint; absent for none, or for a text that proves nothing. */
  hint: IdTokenHint | undefined
  /** The client that the hint names, where it exists. */
  client: ClientRecord | undefined
  /** The parameter `client_id`. */
  clientId: string | undefined
  postLogoutRedirectUri: string | undefined
  state: string | undefined
  /** The live session of this browser. */
  browser: EndedSession | undefined
  /** Whether the person has said on our own page that the session shall end. */
  isConfirmed: boolean
  /** A form that stands on no page of ours. From another site it comes without the session cookie (SameSite). */
  isForeignForm: boolean
}

export type LogoutDecision =
  /** `goTo`: the address of the client, with `state` and nothing else; absent for our own page. */
  | { act: 'end'; ends: EndedSession | undefined; goTo: string | undefined }
  /** Asks about the session of this browser. `ends`: another session, which ends without a question. */
  | { act: 'ask'; ends: EndedSession | undefined }
  /** The request comes again by GET, so that the browser sends its session cookie. */
  | { act: 'come_again' }

export function decideLogout(request: LogoutRequest): LogoutDecision {
  const { hint, browser, isForeignForm } = request
  const goTo = addressOf(request)
  if (browser) return decideSignedIn(request, browser, goTo)
  if (hint) return { act: 'end', ends: sessionOf(hint), goTo }
  // Without hint and session there is nothing to end. A foreign form cannot tell, because it lacks the cookie.
  return isForeignForm ? { act: 'come_again' } : { act: 'end', ends: undefined, goTo: undefined }
}

function decideSignedIn(
  { hint, isConfirmed, isForeignForm }: LogoutRequest,
  browser: EndedSession,
  goTo: string | undefined,
): LogoutDecision {
  const isOfPerson = hint?.sub === browser.userId
  if (isConfirmed) return { act: 'end', ends: browser, goTo: isOfPerson ? goTo : undefined }
  const isOfSession = isOfPerson && hint?.sessionId === browser.sessionId
  if (isOfSession && (goTo !== undefined || isForeignForm)) return { act: 'end', ends: browser, goTo }
  return { act: 'ask', ends: hint && isForeignForm ? sessionOf(hint) : undefined }
}

/** The registered address to go back to, where a genuine hint is for the same client (§2, §3). */
function addressOf({ hint, client, clientId, postLogoutRedirectUri: uri, state }: LogoutRequest): string | undefined {
  if (!hint || !client || uri === undefined || !client.postLogoutRedirectUris.includes(uri)) return undefined
  if (clientId !== undefined && clientId !== client.clientId) return undefined
  if (state === undefined) return uri
  // The registered address keeps its exact spelling.
  const [address = '', fragment] = uri.split('#', 2)
  const query = new URLSearchParams({ state }).toString()
  const joined = `${address}${address.includes('?') ? '&' : '?'}${query}`
  return fragment === undefined ? joined : `${joined}#${fragment}`
}

const sessionOf = ({ sessionId, sub }: IdTokenHint): EndedSession | undefined =>
  sessionId === undefined ? undefined : { sessionId, userId: sub }
