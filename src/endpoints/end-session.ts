/** Where people sign out: `end_session_endpoint` (RP-Initiated Logout 1.0 §2), and the page that says that it is done. */
import type { Route } from '../http/route.ts'
import type { FrameNeeds } from '../pages/frame-needs.ts'
import { page } from '../pages/page.ts'
import type { EndSessionNeeds } from './end-session-pages.ts'

export const endSession = (needs: EndSessionNeeds & FrameNeeds): Route[] => [
  ...(['get', 'post'] as const).map((method) =>
    page({ [method]: '/logout', isEntrance: true, says: 'Sign out' }, needs, async () => {
      return (await import('./end-session-pages.ts')).endSession
    }),
  ),
  page({ get: '/signed-out', says: 'Signed out' }, needs, async () => {
    return (await import('./end-session-pages.ts')).showSignedOut
  }),
]
