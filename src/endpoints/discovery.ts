/** Both metadata documents (RFC 8414, OIDC Discovery §3). Only what works is listed. */
import { entityTag } from '../ground/entity-tag.ts'
import { ASSERTION_ALGORITHMS } from '../clients/assertion.ts'
import { AUTH_METHODS, GRANT_TYPES, OFFLINE_ACCESS, PERSON_SCOPES } from '../clients/client.ts'
import { ACR_VALUES } from '../clients/sign-in-fields.ts'
import { answerOf, flag, shapeOf, text, texts } from '../ground/shape.ts'
import type { SigningAlgorithm } from '../store/records/key.ts'
import { PERSON_CLAIMS } from '../users/claims.ts'
import type { Config } from '../config/setting.ts'
import { DOCUMENT } from '../http/access.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { answerDocument, CACHED } from '../http/public-document.ts'
import { route, type Route } from '../http/route.ts'

interface Needs {
  issuer: string
  config: Pick<Config, 'jwksMaxAgeSeconds' | 'signUp'>
}

export function discovery({ issuer, config }: Needs): Route[] {
  const body = JSON.stringify(metadata(issuer, config))
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

/** Scripts and apps ask for the whole list, so scopes of Signet itself and of resources are not in it. */
const SCOPES = [...PERSON_SCOPES, OFFLINE_ACCESS]

/** Claims of every ID token, whatever was asked for (OIDC Core §2). */
const ID_TOKEN_CLAIMS = ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'acr', 'amr', 'sid', 'nonce', 'at_hash']

const ID_TOKEN_ALGORITHMS: readonly SigningAlgorithm[] = ['RS256', 'ES256']

function metadata(issuer: string, { signUp }: Pick<Config, 'signUp'>) {
  const hasSignUp = signUp === 'domains' || signUp === 'open'
  return {
    issuer,
    ...endpointsOf(issuer),
    ...SIGN_IN,
    prompt_values_supported: hasSignUp ? [...PROMPTS, 'create'] : PROMPTS,
    ...AUTHENTICATION,
  }
}

const PROMPTS = ['none', 'login', 'consent', 'select_account']

function endpointsOf(issuer: string) {
  const at = (path: string) => endpointUrl(issuer, path)
  return {
    authorization_endpoint: at('/authorize'),
    token_endpoint: at('/token'),
    userinfo_endpoint: at('/userinfo'),
    end_session_endpoint: at('/logout'),
    jwks_uri: at('/.well-known/jwks.json'),
    revocation_endpoint: at('/revoke'),
    introspection_endpoint: at('/introspect'),
  }
}

/** How people sign in and out. */
const SIGN_IN = {
  grant_types_supported: GRANT_TYPES,
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'fragment', 'form_post'],
  code_challenge_methods_supported: ['S256'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ID_TOKEN_ALGORITHMS,
  userinfo_signing_alg_values_supported: ID_TOKEN_ALGORITHMS,
  scopes_supported: SCOPES,
  claims_supported: [...ID_TOKEN_CLAIMS, ...PERSON_CLAIMS],
  acr_values_supported: ACR_VALUES,
  ui_locales_supported: ['en', 'de', 'zh'],
  authorization_response_iss_parameter_supported: true,
  claims_parameter_supported: true,
  request_parameter_supported: false,
  // Absent would mean true (OIDC Discovery §3).
  request_uri_parameter_supported: false,
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
}

const CONFIDENTIAL = AUTH_METHODS.filter((method) => method !== 'none')

/** How clients authenticate. */
const AUTHENTICATION = {
  token_endpoint_auth_methods_supported: AUTH_METHODS,
  token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  dpop_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  revocation_endpoint_auth_methods_supported: AUTH_METHODS,
  revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  introspection_endpoint_auth_methods_supported: CONFIDENTIAL,
  introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
}

const url = (says: string) => ({ ...text(says), format: 'uri' })
const authMethods = texts('How clients may authenticate there.')
const assertionAlgorithms = texts('What client assertions may be signed with.')

/** RFC 8414 §2, OIDC Discovery §3. */
const METADATA = shapeOf<ReturnType<typeof metadata>>(
  'Metadata',
  {
    issuer: text('The exact `iss` of every token.'),
    authorization_endpoint: url('Where an app sends a person to sign in.'),
    token_endpoint: url('Where tokens are asked for.'),
    userinfo_endpoint: url('Where the claims of the person behind a token are asked for.'),
    end_session_endpoint: url('Where an app sends a person to sign out.'),
    jwks_uri: url('Where the key set is.'),
    revocation_endpoint: url('Where tokens are revoked.'),
    introspection_endpoint: url('Where the state of tokens is asked for.'),
    grant_types_supported: texts('The grant types that tokens may be asked for by.'),
    response_types_supported: texts('`code` alone.'),
    response_modes_supported: texts('How the answer comes to the redirect URI.'),
    prompt_values_supported: texts('Values of `prompt`.'),
    code_challenge_methods_supported: texts('`S256` alone (RFC 7636).'),
    subject_types_supported: texts('`public`: a person has one `sub` for all clients.'),
    id_token_signing_alg_values_supported: texts(
      'The algorithms that sign ID tokens; `RS256` unless the client says another.',
    ),
    userinfo_signing_alg_values_supported: texts(
      'The algorithms that sign answers of userinfo, for clients that ask for a JWT.',
    ),
    scopes_supported: texts(
      'Scope values that tell who a person is, and `offline_access`. Those of resources are not listed.',
    ),
    claims_supported: texts('Claims that an ID token or userinfo may have; claim maps of clients add others.'),
    acr_values_supported: texts(
      '`1`: one factor. `2`: two, or a passkey with user verification. `phr`: such a passkey.',
    ),
    ui_locales_supported: texts('Languages of the pages.'),
    authorization_response_iss_parameter_supported: flag('Each answer names its issuer (RFC 9207).'),
    claims_parameter_supported: flag('`claims` asks for claims one by one (OIDC Core §5.5).'),
    request_parameter_supported: flag('`request` is refused.'),
    request_uri_parameter_supported: flag('`request_uri` is refused.'),
    backchannel_logout_supported: flag('Clients are told when a session ends.'),
    backchannel_logout_session_supported: flag('Logout tokens name the session.'),
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    dpop_signing_alg_values_supported: texts('What proofs of a key may be signed with.'),
    revocation_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
  },
  metadata('https://signet.example.com', { signUp: 'invite' }),
)
