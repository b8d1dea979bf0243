/** /account/sessions: the browsers in which the person is signed in. */
import type { ClientDirectory } from '../clients/directory.ts'
import { dropCookie } from '../http/cookies.ts'
import { basePath } from '../http/endpoint-url.ts'
import type { SessionEnds } from '../sessions/ending.ts'
import type { SessionStore } from '../store/people-store.ts'
import { newFrame, signedOutAddress } from './frame.ts'
import type { PageHandler } from './handler.ts'
import { seeOther } from './html.ts'
import { actorOf, onOwnRecord, ownFrame, ownView, type OwnNeeds } from './account-page.ts'
import { requireSession } from './session.ts'
import { show } from './show.ts'
import { sessionsPage } from './templates/access.ts'

const PATH = '/account/sessions'

export type SessionsNeeds = OwnNeeds & {
  store: Pick<SessionStore, 'listSessions'>
  clients: ClientDirectory
  sessionEnds: SessionEnds
}

/** A person with more browsers ends them all together. */
const MOST_SHOWN = 200

export const showSessions =
  (needs: SessionsNeeds): PageHandler<string> =>
  async (call) => {
    const signedIn = await requireSession(call, needs, PATH)
    const { id: userId } = signedIn.person.user
    const sessions = await needs.store.listSessions({ userId }, { after: '', limit: MOST_SHOWN })
    const frame = ownFrame(call, signedIn, needs)
    const view = {
      ...ownView(signedIn, needs),
      notice: call.sent.get('done') === 'ended' ? ('session_ended' as const) : undefined,
      sessions: sessions.toReversed().map((session) => ({
        ...session,
        isCurrent: session.id === signedIn.session.id,
        apps: session.clients.map((id) => needs.clients.find(id)?.name ?? id),
      })),
    }
    return show(frame, sessionsPage(frame, view))
  }

export const endSessions =
  (needs: SessionsNeeds): PageHandler<string> =>
  async (call) => {
    const signedIn = await requireSession(call, needs, PATH)
    const base = basePath(needs.issuer)
    const action = call.sent.get('action')
    if (action === 'end') {
      const id = call.sent.get('id') ?? ''
      await onOwnRecord(needs.sessionEnds.endOwn(id, signedIn.person.user.id, actorOf(signedIn, call)))
      if (id === signedIn.session.id) {
        const frame = ownFrame(call, signedIn, needs)
        return seeOther(signedOutAddress(frame, newFrame(call, needs)), dropCookie('session', needs.issuer))
      }
    } else if (action === 'end-others') {
      await needs.sessionEnds.endAll(signedIn.person.user.id, actorOf(signedIn, call), signedIn.session.id)
    } else {
      return seeOther(`${base}${PATH}`)
    }
    return seeOther(`${base}${PATH}?done=ended`)
  }
