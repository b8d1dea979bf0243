/** The metadata document of an issuer (OIDC Discovery §4, RFC 8414 §3), and what it must say to be believed. */
import { shown } from './errors.ts'
import { RequestFault } from './get-document.ts'
import { isSafe } from './web-address.ts'

export interface IssuerMetadata {
  /** The URL at which the document was found; for messages. */
  url: string
  /** Its members, not looked at but for `issuer`. */
  members: Readonly<Record<string, unknown>>
}

/**
 * Finds the document. It has to name exactly the issuer that was asked for.
 * @param get fetches one JSON document
 * @throws RequestFault
 */
export async function findMetadata(
  issuer: string,
  get: (url: string) => Promise<{ url: string; json: unknown }>,
): Promise<IssuerMetadata> {
  const { url, json } = await findDocument(issuer, get)
  const members = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {} // an object, by the line itself
  if (members.issuer !== issuer)
    throw new RequestFault(url, `names the issuer ${shown(members.issuer)}, not '${issuer}' (compare exactly)`)
  return { url, members }
}

async function findDocument(
  issuer: string,
  get: (url: string) => Promise<{ url: string; json: unknown }>,
): Promise<{ url: string; json: unknown }> {
  const base = new URL(issuer)
  const path = base.pathname.replace(/\/$/, '')
  try {
    return await get(`${base.origin}${path}/.well-known/openid-configuration`)
  } catch (fault) {
    if (!(fault instanceof RequestFault) || fault.status !== 404) throw fault
    return get(`${base.origin}/.well-known/oauth-authorization-server${path}`)
  }
}

/**
 * An address in the document: https, or http on loopback. A document that came over any other http was allowed to
 * (`allowHttp`), and may name such addresses.
 * @throws RequestFault naming the member
 */
export function addressIn({ url, members }: IssuerMetadata, name: string): string {
  const address = members[name]
  if (typeof address !== 'string' || !URL.canParse(address)) throw new RequestFault(url, `names no ${name}`)
  const isAllowed = isSafe(address, !isSafe(url))
  if (!isAllowed) throw new RequestFault(url, `names a ${name} that is not https: ${address}`)
  return address
}
