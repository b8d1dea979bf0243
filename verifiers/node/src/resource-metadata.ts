/** An API's own metadata (RFC 9728): tells clients where to get a token for it. */
import { readAllowHttp, requireIssuer, requireSafeUrl, warnOfHttp } from './web-address.ts'

export interface ProtectedResource {
  /** The API's identifier: a URL, as in the `aud` of its tokens. */
  resource: string
  /** The issuers of its tokens. */
  authorizationServers: readonly string[]
  scopes?: readonly string[]
  name?: string
  documentation?: string
  /** Accepts plain `http` to other machines, with a warning; off by default, and for development alone. */
  allowHttp?: boolean
  /** Whether the API takes only DPoP-bound tokens. */
  dpopBoundAccessTokensRequired?: boolean
}

export interface ProtectedResourceMetadata {
  /** The path of the document on the API's own host. */
  path: string
  /** The same as a URL: the `resourceMetadata` option of a verifier. */
  url: string
  document: Record<string, unknown>
}

/** @throws TypeError naming the option that is wrong */
export function protectedResourceMetadata(options: ProtectedResource): ProtectedResourceMetadata {
  const allowHttp = readAllowHttp(options.allowHttp)
  const resource = requireSafeUrl('resource', options.resource, allowHttp)
  if (resource.hash !== '') throw new TypeError('resource has no fragment (RFC 9728 section 1.2)')
  if (options.authorizationServers.length === 0) throw new TypeError('authorizationServers is empty')
  for (const issuer of options.authorizationServers) requireIssuer('authorizationServers', issuer, allowHttp)
  warnOfHttp([options.resource, ...options.authorizationServers])
  // RFC 9728 §3.1: the well-known part comes between host and path.
  const path = `/.well-known/oauth-protected-resource${resource.pathname === '/' ? '' : resource.pathname}${resource.search}`
  return {
    path,
    url: resource.origin + path,
    document: {
      resource: options.resource,
      authorization_servers: options.authorizationServers,
      bearer_methods_supported: ['header'],
      ...(options.scopes && { scopes_supported: options.scopes }),
      ...(options.name !== undefined && { resource_name: options.name }),
      ...(options.documentation !== undefined && { resource_documentation: options.documentation }),
      ...(options.dpopBoundAccessTokensRequired && { dpop_bound_access_tokens_required: true }),
    },
  }
}
