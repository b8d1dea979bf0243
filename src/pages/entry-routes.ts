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
  ...passkeyDoors('invite', needs),
  ...passkeyDoors('signup', needs),
  page({ get: '/link', says: 'Shows a sign-in link' }, needs, async () => (await import('./link.ts')).showLink),
  page({ post: '/link', says: 'Signs a person in' }, needs, async () => (await import('./link.ts')).answerLink),
]

/** The doors of the script: an account whose factor is a passkey. */
const passkeyDoors = (kind: 'invite' | 'signup', needs: EntryNeeds): Route[] => [
  page({ post: `/${kind}/passkey/options`, says: 'Options of a new passkey' }, needs, async () =>
    (await import('./new-passkey.ts')).offerNewPasskey(kind),
  ),
  page({ post: `/${kind}/passkey`, says: 'Makes an account with a passkey' }, needs, async () =>
    (await import('./new-passkey.ts')).takeNewPasskey(kind),
  ),
]
