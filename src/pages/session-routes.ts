/** The pages on which a person sees and ends sessions, and takes consents back. */
import type { Route } from '../http/route.ts'
import type { AppsNeeds } from './account-apps.ts'
import type { SessionsNeeds } from './account-sessions.ts'
import { page } from './page.ts'

export const sessionPages = (needs: AppsNeeds & SessionsNeeds): Route[] => [
  page({ get: '/account/sessions', says: 'Sessions' }, needs, async () => {
    return (await import('./account-sessions.ts')).showSessions
  }),
  page({ post: '/account/sessions', says: 'End sessions' }, needs, async () => {
    return (await import('./account-sessions.ts')).endSessions
  }),
  page({ get: '/account/apps', says: 'Apps' }, needs, async () => (await import('./account-apps.ts')).showApps),
  page({ post: '/account/apps', says: 'Take a consent back' }, needs, async () => {
    return (await import('./account-apps.ts')).withdrawApp
  }),
]
