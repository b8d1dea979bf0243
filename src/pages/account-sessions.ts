/** /account/sessions: the browsers in which the person is signed in. */
import { byUser } from '../audit.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { OAuthError } from '../ground/errors.ts'
import { dropCookie } from '../http/cookies.ts'
import { basePath } from '../http/endpoint-url.ts'
import { PageFault } from '../http/page-fault.ts'
import type { PageCall } from '../http/route.ts'
import type { SessionEnds } from '../sessions/ending.ts'
import type { SessionStore } from '../store/people-store.ts'
import { newFrame } from './frame.ts'
import type { FrameNeeds } from './frame-needs.ts'
import type { PageHandler } from './handler.ts'
import { seeOther } from './html.ts'
import { requireSession, type SessionNeeds, type SignedIn } from './session.ts'
import { show } from './show.ts'
import { sessionsPage } from './templates/access.ts'
import type { Notice } from './views.ts'

const PATH = '/account/sessions'

export type SessionsNeeds = FrameNeeds &
  SessionNeeds & {
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
    const { user } = signedIn.person
    const sessions = await needs.store.listSessions({ userId: user.id }, { after: '', limit: MOST_SHOWN })
    const frame = newFrame(call, needs, { secret: signedIn.secret, locale: user.profile.locale })
    const view = {
      account: { username: user.username, name: user.name, email: user.email },
      now: needs.clock.now(),
      zone: user.profile.zoneinfo,
      notice: noticeOf(call),
      sessions: sessions.toReversed().map((session) => ({
        ...session,
        isCurrent: session.id === signedIn.session.id,
        apps: session.clients.map((id) => needs.clients.find(id)?.name ?? id),
      })),
    }
    return show(frame, sessionsPage(frame, view))
  }

const noticeOf = ({ sent }: PageCall): Notice | undefined =>
  sent.get('done') === 'ended' ? 'session_ended' : undefined

export const endSessions =
  (needs: SessionsNeeds): PageHandler<string> =>
  async (call) => {
    const signedIn = await requireSession(call, needs, PATH)
    const base = basePath(needs.issuer)
    const action = call.sent.get('action')
    if (action === 'end') {
      const id = call.sent.get('id') ?? ''
      await endOwn(id, signedIn, call, needs)
      if (id === signedIn.session.id) return seeOther(`${base}/signed-out`, dropCookie('session', needs.issuer))
    } else if (action === 'end-others') {
      await needs.sessionEnds.endAll(signedIn.person.user.id, actorOf(signedIn, call), signedIn.session.id)
    } else {
      return seeOther(`${base}${PATH}`)
    }
    return seeOther(`${base}${PATH}?done=ended`)
  }

/** Another person's session is as unknown as one that never was. */
async function endOwn(id: string, signedIn: SignedIn, call: PageCall, needs: SessionsNeeds): Promise<void> {
  await needs.sessionEnds.endOwn(id, signedIn.person.user.id, actorOf(signedIn, call)).catch((error: unknown) => {
    if (error instanceof OAuthError && error.status === 404) throw new PageFault('not_found', 404)
    throw error
  })
}

const actorOf = ({ person }: SignedIn, { facts }: PageCall) => byUser(person.user.id, facts.request_id)
