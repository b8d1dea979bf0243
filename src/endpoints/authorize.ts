/**
 * GET and POST /authorize (RFC 6749 §3.1, OIDC Core §3.1.2). Other sites send people here, by links and by forms. The
 * answer is a page or a redirect, so the handler is loaded when the first person comes.
 */
import type { Route } from '../http/route.ts'
import { page } from '../pages/page.ts'
import type { AuthorizeNeeds } from './authorize-handler.ts'

export function authorize(needs: AuthorizeNeeds): Route[] {
  const load = async () => (await import('./authorize-handler.ts')).answerAuthorize
  return [
    page({ get: '/authorize', isEntrance: true, acts: 'visit or silent' }, needs, load),
    page({ post: '/authorize', isEntrance: true }, needs, load),
  ]
}
