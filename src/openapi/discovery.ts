/** The documents that anybody reads: metadata and key sets */
import * as z from 'zod'
import { ASSERTION_ALGORITHMS } from '../clients/assertion.ts'
import { AUTH_METHODS, GRANT_TYPES, OFFLINE_ACCESS } from '../clients/client.ts'
import { ADMIN_SCOPE, BLACKLIST_SCOPE } from '../resources/resource.ts'
import { id, json, PUBLIC, ref, type Answer, type Operation, type Paths } from './operation.ts'
import { cacheable, IF_NONE_MATCH } from './public-document.ts'
import { NOT_FOUND, OUTAGES } from './refusals.ts'

const texts = z.array(z.string())
const assertionAlgorithms = texts.meta({ description: 'What client assertions may be signed with.' })
const authMethods = z.array(z.enum(AUTH_METHODS)).meta({ description: 'How clients may authenticate there.' })

/** RFC 8414 §2, OIDC Discovery §3. */
const metadata = z.object({
  issuer: z.string().meta({ description: 'The exact `iss` of every token.' }),
  token_endpoint: z.url().meta({ description: 'Where tokens are asked for.' }),
  jwks_uri: z.url().meta({ description: 'Where the key set is.' }),
  revocation_endpoint: z.url().meta({ description: 'Where tokens are revoked.' }),
  introspection_endpoint: z.url().meta({ description: 'Where the state of tokens is asked for.' }),
  grant_types_supported: z.array(z.enum(GRANT_TYPES)).meta({ description: 'What tokens may be asked for by.' }),
  response_types_supported: texts.meta({ description: 'None: there is no authorization endpoint.' }),
  subject_types_supported: texts.meta({ description: '`public`: a person has one `sub` for all clients.' }),
  id_token_signing_alg_values_supported: texts.meta({ description: 'What this issuer’s keys sign with.' }),
  scopes_supported: texts.meta({ description: 'Scope values of the issuer itself.' }),
  token_endpoint_auth_methods_supported: authMethods,
  token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
  dpop_signing_alg_values_supported: texts.meta({ description: 'What proofs of a key may be signed with.' }),
  revocation_endpoint_auth_methods_supported: authMethods,
  revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
  introspection_endpoint_auth_methods_supported: authMethods,
  introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
})

const named = {
  kid: z.string(),
  alg: z.enum(['ES256', 'RS256']),
  use: z.literal('sig').meta({ description: 'For signatures.' }),
}
const coordinate = z.string().meta({ description: 'base64url' })

/** RFC 7517 §5. */
const keySet = z.object({
  keys: z
    .array(
      z.union([
        z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate, ...named }),
        z.object({ kty: z.literal('RSA'), n: coordinate, e: coordinate, ...named }),
      ]),
    )
    .meta({ description: 'The public keys: next, active and retiring.' }),
})

export const discoverySchemas = { Metadata: metadata, KeySet: keySet }

const at = (path: string) => `https://signet.example.com${path}`

const METADATA = {
  issuer: at(''),
  token_endpoint: at('/token'),
  jwks_uri: at('/.well-known/jwks.json'),
  revocation_endpoint: at('/revoke'),
  introspection_endpoint: at('/introspect'),
  grant_types_supported: [...GRANT_TYPES],
  response_types_supported: [],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256', 'RS256'],
  scopes_supported: [OFFLINE_ACCESS, ADMIN_SCOPE, BLACKLIST_SCOPE],
  token_endpoint_auth_methods_supported: [...AUTH_METHODS],
  token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
  dpop_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
  revocation_endpoint_auth_methods_supported: [...AUTH_METHODS],
  revocation_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
  introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  introspection_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
} satisfies z.output<typeof metadata>

/** The key of RFC 7517, appendix A.1. */
const KEY_SET = {
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
      y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
      kid: 'es256-3q2-7wEjRWeJq83vASNFZw',
      alg: 'ES256',
      use: 'sig',
    },
  ],
} satisfies z.output<typeof keySet>

const document = (operationId: string, summary: string, answer: Answer): Operation => ({
  tags: ['Discovery'],
  security: PUBLIC,
  operationId,
  summary,
  parameters: [IF_NONE_MATCH],
  responses: { ...cacheable(answer), ...OUTAGES },
})

const metadataAnswer = json('The metadata.', ref('Metadata'), METADATA)
const keysAnswer = json('The key set.', ref('KeySet'), KEY_SET)
const ofResource = document('readResourceKeys', 'The keys that sign the tokens of one resource', keysAnswer)

export const discoveryPaths: Paths = {
  '/.well-known/openid-configuration': {
    get: document('readOpenidConfiguration', 'Metadata (OpenID Connect Discovery §4)', metadataAnswer),
  },
  '/.well-known/oauth-authorization-server': {
    get: document('readMetadata', 'Metadata (RFC 8414 §3)', metadataAnswer),
  },
  '/.well-known/jwks.json': { get: document('readKeys', 'The public keys (RFC 7517 §5)', keysAnswer) },
  '/jwks/{resource}': {
    get: {
      ...ofResource,
      description: 'Its own where it has some, else the issuer’s.',
      parameters: [id('A resource', 'https%3A%2F%2Forders.example.com', 'resource'), IF_NONE_MATCH],
      responses: { ...ofResource.responses, ...NOT_FOUND },
    },
  },
}
