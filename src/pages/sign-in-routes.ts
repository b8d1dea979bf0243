/** The pages of a sign-in that need no factor but a password: see go-on.ts for how each leads to the next. */
import type { Route } from '../http/route.ts'
import type { AddRedirectNeeds } from './add-redirect-uri.ts'
import type { ConsentNeeds } from './consent.ts'
import type { LoginNeeds } from './login.ts'
import type { MustChangeNeeds } from './must-change.ts'
import { page } from './page.ts'

export type SignInPageNeeds = LoginNeeds & ConsentNeeds & MustChangeNeeds & AddRedirectNeeds

export const signInPages = (needs: SignInPageNeeds): Route[] => [
  page({ get: '/login', says: 'The sign-in page' }, needs, async () => (await import('./login.ts')).showLogin),
  page({ post: '/login', says: 'Signs a person in' }, needs, async () => (await import('./login.ts')).answerLogin),
  page({ get: '/consent', says: 'Asks for consent' }, needs, async () => (await import('./consent.ts')).showConsent),
  page(
    { post: '/consent', says: 'Takes consent, or a refusal' },
    needs,
    async () => (await import('./consent.ts')).answerConsent,
  ),
  page(
    { get: '/login/must-change', says: 'Asks for a new password' },
    needs,
    async () => (await import('./must-change.ts')).showMustChange,
  ),
  page(
    { post: '/login/must-change', says: 'Replaces a password that an operator gave' },
    needs,
    async () => (await import('./must-change.ts')).answerMustChange,
  ),
  page(
    { post: '/login/redirect-uri', says: 'Adds the address of a refused request to its client' },
    needs,
    async () => (await import('./add-redirect-uri.ts')).addRedirectUri,
  ),
]
