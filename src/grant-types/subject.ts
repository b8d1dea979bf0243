/**
 * `urn:signet:params:oauth:grant-type:subject`: tokens for a person whom a trusted backend signed in itself.
 * Only clients registered for it, and only the claims that they are registered to assert.
 */
import { isProtocolClaim, requireFreeClaims } from '../clients/claims.ts'
import { MOST_SUBJECT_CHARACTERS, isSubject } from '../grants/grant.ts'
import { requireGrantType } from '../grants/may-issue.ts'
import { SUBJECT_GRANT } from '../clients/client.ts'
import { updateCommand } from '../clients/update-command.ts'
import { invalidRequest } from '../ground/errors.ts'
import { JsonFault, describePath, readExactJson } from '../ground/exact-json.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { BeginningNeeds, GrantType } from './grant-type.ts'
import { begin, type Description } from './new-grant.ts'

export const subject: GrantType<BeginningNeeds> = {
  grantType: SUBJECT_GRANT,
  async run(request, needs) {
    const { caller, parameters } = request
    requireGrantType(caller.client, SUBJECT_GRANT)
    const sub = requireSubject(parameters.subject)
    const claims = parameters.subjectClaims === undefined ? {} : parseObject(parameters.subjectClaims)
    const describe: Description = (client) => {
      // RFC 9068 §5: a person must not be taken for a client at the resource.
      if (needs.clients.find(sub))
        throw invalidRequest('subject is the id of a client; a person needs a sub that no client has')
      requireAssertable(claims, client)
      return { sub, claims }
    }
    return begin(SUBJECT_GRANT, describe, request, needs)
  },
}

function requireSubject(sub: string | undefined): string {
  if (sub === undefined) throw invalidRequest('subject is missing: the id of the person that your backend signed in')
  if (/^signet:/i.test(sub))
    throw invalidRequest('subject: names that begin with "signet:" are the names of Signet itself')
  if (!isSubject(sub)) {
    throw invalidRequest(
      `subject has 1 to ${MOST_SUBJECT_CHARACTERS} characters in UTF-8, none of them a control character`,
    )
  }
  return sub
}

function requireAssertable(claims: Record<string, unknown>, client: ClientRecord): void {
  for (const name of Object.keys(claims)) {
    if (isProtocolClaim(name))
      throw invalidRequest(`subject_claims: "${name.slice(0, 64)}" belongs to the protocol and cannot be asserted`)
    if (!client.allowedClaims.includes(name)) {
      throw invalidRequest(
        `subject_claims: this client may assert ${client.allowedClaims.join(', ') || 'no claims'} (more: ${updateCommand(client.clientId, '--allow-claim', [...client.allowedClaims, 'NEW'])})`,
      )
    }
  }
  requireFreeClaims(claims, (fault) => invalidRequest(`subject_claims: ${fault}`))
}

function parseObject(text: string): Record<string, unknown> {
  // Bytes that are no UTF-8 were read as U+FFFD: two names in another encoding would become one.
  if (text.includes('\uFFFD')) throw invalidRequest('subject_claims is not UTF-8')
  try {
    const value = readExactJson(text)
    if (value && typeof value === 'object' && !Array.isArray(value)) return { ...value }
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    if (!error.isNoJson) throw invalidRequest(`subject_claims: claim "${describePath(error.path)}": ${error.message}`)
  }
  throw invalidRequest('subject_claims is a JSON object, with a member for each claim, such as email')
}
