/** POST /login/redirect-uri: an operator adds the address of a refused request to its client, and the request goes on. */
import { byOperator } from '../audit.ts'
import { addRedirectUris, type ClientRegistry } from '../clients/registration.ts'
import { OAuthError } from '../ground/errors.ts'
import { basePath } from '../http/endpoint-url.ts'
import { PageFault } from '../http/page-fault.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { isOperator, OPERATOR_PERMISSION } from '../users/person.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { seeOther } from './html.ts'
import { isReturnPath, requireFreshSession, type SessionNeeds } from './session.ts'

export type AddRedirectNeeds = FrameNeeds & SessionNeeds & { clientRegistry: Pick<ClientRegistry, 'update'> }

export const addRedirectUri =
  (needs: AddRedirectNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    const { sent, facts } = call
    // The request is read again as a whole, so nothing of it is believed. After a new sign-in it comes to its page again.
    const request = `/authorize?${new URLSearchParams(sent.get('request') ?? '').toString()}`
    const { person, session } = await requireFreshSession(call, needs, isReturnPath(request) ? request : '/account')
    if (!isOperator(person)) throw new PageFault('not_allowed', 403, { reason: 'the person is no operator' })
    if (sent.get('action') !== 'add-redirect-uri')
      throw new PageFault('expired', 400, { reason: 'no action was named' })
    const acting = { sessionId: session.id, userId: person.user.id, permission: OPERATOR_PERMISSION }
    const by = byOperator(acting, facts.request_id)
    await update(sent.get('client_id') ?? '', sent.get('redirect_uri') ?? '', by, needs)
    return seeOther(`${basePath(needs.issuer)}${request}`)
  }

async function update(
  clientId: string,
  redirectUri: string,
  by: Parameters<ClientRegistry['update']>[2],
  { clientRegistry }: AddRedirectNeeds,
): Promise<void> {
  try {
    await clientRegistry.update(clientId, addRedirectUris([redirectUri]), by)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    if (error.status === 403) throw new PageFault('not_allowed', 403, { reason: error.message })
    const code = error.status === 404 ? 'unknown_client' : 'redirect_uri_mismatch'
    throw new PageFault(code, 400, { reason: error.reason })
  }
}
