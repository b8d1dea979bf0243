/** The pages by which people come in: invitation, sign-up, and the link of the locked-out. */
import type { Route } from '../http/route.ts'
import type { LinkNeeds } from './link.ts'
import type { NewAccountNeeds } from './new-account.ts'
import { page } from './page.ts'

export type EntryNeeds = NewAccountNeeds & LinkNeeds

export const entryPages = (needs: EntryNeeds): Route[] => [
  page({ get: '/invite', says: 'Shows an invitation' }, needs, async () => (await import('./invite.ts')).showInvite),
  page({ post: '/invite', says: 'Makes an account' }, needs, async () => (await import('./invite.ts')).answerInvite),
  page({ get: '/signup', says: 'Shows the sign-up' }, needs, async () => (await import('./signup.ts')).showSignup),
  page({ post: '/signup', says: 'Makes an account' }, needs, async () => (await import('./signup.ts')).answerSignup),
  page({ get: '/link', says: 'Shows a sign-in link' }, needs, async () => (await import('./link.ts')).showLink),
  page({ post: '/link', says: 'Signs a person in' }, needs, async () => (await import('./link.ts')).answerLink),
]
