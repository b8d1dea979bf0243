/** Both metadata documents (RFC 8414, OIDC Discovery §3). Only what works is listed. */
import { entityTag } from '../ground/entity-tag.ts'
import { ASSERTION_ALGORITHMS } from '../clients/assertion.ts'
import { AUTH_METHODS, GRANT_TYPES, OFFLINE_ACCESS } from '../clients/client.ts'
import { answerOf, shapeOf, text, texts } from '../ground/shape.ts'
import { ADMIN_SCOPE, BLACKLIST_SCOPE } from '../resources/resource.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { DOCUMENT } from '../http/access.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { answerDocument, CACHED } from '../http/public-document.ts'
import { route, type Route } from '../http/route.ts'

interface Needs {
  issuer: string
  config: { jwksMaxAgeSeconds: number }
}

export function discovery({ issuer, config }: Needs): Route[] {
  const body = JSON.stringify(metadata(issuer))
  const document = { body, etag: entityTag(body) }
  const cacheControl = `public, max-age=${config.jwksMaxAgeSeconds}, must-revalidate`
  const answers = { 200: answerOf('The metadata.', METADATA, CACHED) }
  const terms = { access: DOCUMENT, tag: 'Discovery', answers }
  return [
    route(
      {
        get: '/.well-known/openid-configuration',
        id: 'readOpenidConfiguration',
        says: 'Metadata (OpenID Connect Discovery §4)',
        ...terms,
      },
      (call) => answerDocument(call, document, { cacheControl }),
    ),
    route(
      {
        get: '/.well-known/oauth-authorization-server',
        id: 'readMetadata',
        says: 'Metadata (RFC 8414 §3)',
        ...terms,
      },
      (call) => answerDocument(call, document, { cacheControl }),
    ),
  ]
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
    response_types_supported: [] as string[],
    subject_types_supported: ['public'],
    // Required by OIDC Discovery §3. Verifiers read it as the algorithms that this issuer's keys sign with.
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

const url = (says: string) => ({ ...text(says), format: 'uri' })
const authMethods = texts('How clients may authenticate there.')
const assertionAlgorithms = texts('What client assertions may be signed with.')

/** RFC 8414 §2, OIDC Discovery §3. */
const METADATA = shapeOf<ReturnType<typeof metadata>>(
  'Metadata',
  {
    issuer: text('The exact `iss` of every token.'),
    token_endpoint: url('Where tokens are asked for.'),
    jwks_uri: url('Where the key set is.'),
    revocation_endpoint: url('Where tokens are revoked.'),
    introspection_endpoint: url('Where the state of tokens is asked for.'),
    grant_types_supported: texts('The grant types that tokens may be asked for by.'),
    response_types_supported: texts('None: there is no authorization endpoint.'),
    subject_types_supported: texts('`public`: a person has one `sub` for all clients.'),
    id_token_signing_alg_values_supported: texts('The algorithms that this issuer’s keys sign with.'),
    scopes_supported: texts('Scope values of the issuer itself.'),
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    dpop_signing_alg_values_supported: texts('What proofs of a key may be signed with.'),
    revocation_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
  },
  metadata('https://signet.example.com'),
)
