/** Both metadata documents (RFC 8414, OIDC Discovery §3). Only what works is listed. */
import { entityTag } from '../ground/entity-tag.ts'
import { ASSERTION_ALGORITHMS } from '../clients/assertion.ts'
import { AUTH_METHODS, GRANT_TYPES, OFFLINE_ACCESS } from '../clients/client.ts'
import { ADMIN_SCOPE, BLACKLIST_SCOPE } from '../resources/resource.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { answerPublic } from '../http/public-document.ts'
import type { Handler, Rooms } from '../http/rooms.ts'

export const discovery = ({ issuer, config }: Rooms): Handler => {
  const body = JSON.stringify(metadata(issuer))
  const document = { body, etag: entityTag(body) }
  const cacheControl = `public, max-age=${config.jwksMaxAgeSeconds}, must-revalidate`
  return (c) => answerPublic(c, document, cacheControl)
}

function metadata(issuer: string) {
  const at = (path: string) => endpointUrl(issuer, path)
  const confidential = AUTH_METHODS.filter((method) => method !== 'none')
  return {
    issuer,
    token_endpoint: at('/token'),
    jwks_uri: at('/.well-known/jwks.json'),
    revocation_endpoint: at('/revoke'),
    introspection_endpoint: at('/introspect'),
    grant_types_supported: GRANT_TYPES,
    // Required by RFC 8414 §2; there is no authorization endpoint, so no response type.
    response_types_supported: [],
    subject_types_supported: ['public'],
    // Required by OIDC Discovery §3, and read by verifiers as "what may this issuer's keys sign with".
    id_token_signing_alg_values_supported: SIGNING_ALGORITHMS,
    scopes_supported: [OFFLINE_ACCESS, ADMIN_SCOPE, BLACKLIST_SCOPE],
    token_endpoint_auth_methods_supported: AUTH_METHODS,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    dpop_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint_auth_methods_supported: confidential,
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  }
}
