/** GET and POST /logout, the `end_session_endpoint` (RP-Initiated Logout 1.0 §2), and GET /signed-out, the page after it. */
import type { Route } from '../http/route.ts'
import type { FrameNeeds } from '../pages/frame-needs.ts'
import { page } from '../pages/page.ts'
import type { EndSessionNeeds } from './end-session-handler.ts'

const load = () => import('./end-session-handler.ts')

export const endSession = (needs: EndSessionNeeds & FrameNeeds): Route[] => [
  page({ get: '/logout', isEntrance: true, acts: 'visit' }, needs, async () => (await load()).answerEndSession),
  page({ post: '/logout', isEntrance: true }, needs, async () => (await load()).answerEndSession),
  page({ get: '/signed-out' }, needs, async () => (await load()).showSignedOut),
]
