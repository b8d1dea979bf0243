/**
 * The fields of a client that concern people who sign in: OIDC Registration §2, RP-Initiated and Back-Channel Logout, RFC
 * 9449, and Signet's own members. A part of the table in wire.ts.
 */
import { fieldsOf } from '../ground/metadata.ts'
import { schemaOf } from '../ground/schema.ts'
import { anything, flag, manyOf, oneOf, orNull, text, texts } from '../ground/shape.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { booleanSchema, claimMapSchema, nullableDurationSchema, textOf, ttlSchema } from './field-schemas.ts'
import {
  MOST_REDIRECT_URIS,
  MOST_URI_CHARACTERS,
  applicationTypeOf,
  isPrivateScheme,
  isRedirectUri,
} from './redirect-uri.ts'

const { field, duration } = fieldsOf<ClientRecord>()

const ALGORITHMS = ['RS256', 'ES256'] as const
const TYPES = ['web', 'native'] as const
export const ACR_VALUES = ['1', '2', 'phr'] as const
const CONSENTS = ['skip', 'once', 'always'] as const
const REFRESHES = ['offline_access', 'always'] as const

const uriSchema = textOf(MOST_URI_CHARACTERS)

/** A URL that a browser or this server may open: https, or http on a loopback address. `null` for none. */
const linkSchema = schemaOf(() =>
  uriSchema.zod
    .refine((uri) => isRedirectUri(uri) && !isPrivateScheme(uri), {
      message: 'expected an https URI without fragment (http for loopback addresses only)',
    })
    .nullable(),
)

export const link = (says: string) => ({ schema: linkSchema, shape: orNull(text()), says })

/** Addresses that browsers and this server go to. */
const PLACES = {
  post_logout_redirect_uris: field('postLogoutRedirectUris', {
    schema: schemaOf((z) =>
      z
        .array(uriSchema.zod.refine(isRedirectUri, { message: 'expected a URI as in redirect_uris' }))
        .max(MOST_REDIRECT_URIS, { abort: true }),
    ),
    shape: texts(),
    isSet: true,
    says: 'Where a person may be sent to after signing out, byte for byte.',
  }),
  backchannel_logout_uri: field('backchannelLogoutUri', link('Told when a session ends that signed in to it.')),
  backchannel_logout_session_required: field('backchannelLogoutSessionRequired', {
    schema: booleanSchema,
    shape: flag(),
    says: 'Whether logout tokens have to name the session; they always do.',
  }),
  initiate_login_uri: field('initiateLoginUri', link('Where a sign-in to it begins.')),
  client_uri: field('clientUri', link('Its home page.')),
  logo_uri: field('logoUri', link('Its logo.')),
  policy_uri: field('policyUri', link('Its privacy policy.')),
  tos_uri: field('tosUri', link('Its terms of service.')),
  contacts: field('contacts', {
    schema: schemaOf((z) => z.array(textOf(200).zod.min(1)).max(20, { abort: true })),
    shape: texts(),
    says: 'Addresses of those who are responsible for it.',
  }),
  application_type: field('applicationType', {
    schema: schemaOf((z) => z.enum(TYPES).nullable()),
    show: (client): 'web' | 'native' | null => applicationTypeOf(client),
    shape: oneOf(TYPES),
    says: '`native` runs on the person’s own machine. Where it is not given, it follows from the redirect URIs.',
  }),
}

/** The demands of a sign-in. */
const DEMANDS = {
  require_pkce: field('requirePkce', {
    schema: booleanSchema,
    shape: flag(),
    says: 'Whether a sign-in needs a code challenge (RFC 7636). That of a public client always does.',
    flag: '--require-pkce <boolean>',
    help: 'false for an app with a secret that sends no PKCE code challenge',
    read: 'trueOrFalse',
  }),
  dpop_bound_access_tokens: field('dpopBoundAccessTokens', {
    schema: booleanSchema,
    shape: flag(),
    says: 'Whether each of its token requests needs a DPoP proof (RFC 9449 §5.2).',
  }),
  default_max_age: duration('defaultMaxAge', nullableDurationSchema, {
    says: 'How long ago a person may have signed in, where the request has no `max_age`.',
  }),
  require_auth_time: field('requireAuthTime', {
    schema: booleanSchema,
    shape: flag(),
    says: 'Whether ID tokens need `auth_time`; they always have it.',
  }),
  default_acr_values: field('defaultAcrValues', {
    schema: schemaOf((z) => z.array(z.enum(ACR_VALUES)).max(ACR_VALUES.length, { abort: true })),
    shape: manyOf(oneOf(ACR_VALUES)),
    says: 'The `acr` values that it prefers, where the request has none.',
  }),
  require_acr: field('requireAcr', {
    schema: schemaOf((z) => z.enum(ACR_VALUES).nullable()),
    shape: orNull(oneOf(ACR_VALUES)),
    says: '`1`: one factor. `2`: two factors, or a passkey with user verification. `phr`: such a passkey.',
  }),
  session_max_age: duration('sessionMaxAge', ttlSchema, {
    says: 'How long a session may last that signs in to it.',
  }),
  consent: field('consent', {
    schema: schemaOf((z) => z.enum(CONSENTS)),
    shape: oneOf(CONSENTS),
    says: 'Whether a person is asked for consent: never, `once` until the scopes grow, or `always`.',
  }),
  allowed_groups: field('allowedGroups', {
    schema: schemaOf((z) => z.array(textOf(128).zod.min(1)).max(100, { abort: true })),
    shape: texts(),
    isSet: true,
    says: 'Only members of these groups may sign in to it; none for everybody.',
    flag: '--allow-group <group>',
    help: 'a group whose members may sign in to it; without any, everybody may (repeatable)',
    read: 'list',
  }),
}

/** The tokens of a sign-in. */
const TOKENS = {
  id_token_signed_response_alg: field('idTokenSignedResponseAlg', {
    schema: schemaOf((z) => z.enum(ALGORITHMS)),
    shape: oneOf(ALGORITHMS),
    says: 'The algorithm that signs its ID tokens and logout tokens.',
  }),
  userinfo_signed_response_alg: field('userinfoSignedResponseAlg', {
    schema: schemaOf((z) => z.enum(ALGORITHMS).nullable()),
    shape: orNull(oneOf(ALGORITHMS)),
    says: 'The algorithm that signs its answers of userinfo; `null` for plain JSON.',
  }),
  id_token_ttl: duration('idTokenTtl', ttlSchema, { says: 'Life of its ID tokens.' }),
  id_token_claims: field('idTokenClaims', {
    schema: booleanSchema,
    shape: flag(),
    says: 'Whether the claims of scopes stand in the ID token as well as at userinfo.',
  }),
  claim_map: field('claimMap', {
    schema: claimMapSchema,
    shape: anything(),
    says: 'Claims of ID token and userinfo, each with a path: `id username email name groups roles permissions claims.X`, `[0]` for a member of a list.',
    flag: '--claim-map <name=path>',
    help: 'a claim of people, such as role=roles[0] or org=claims.org (repeatable)',
    read: 'pairs',
  }),
  refresh: field('refresh', {
    schema: schemaOf((z) => z.enum(REFRESHES)),
    shape: oneOf(REFRESHES),
    says: 'Whether a refresh token needs the scope `offline_access`, or every sign-in gives one.',
  }),
}

export const SIGN_IN_FIELDS = { ...PLACES, ...DEMANDS, ...TOKENS }

/** The fields of a client that says nothing of people, as answers show them: for examples. */
export const SIGN_IN_EXAMPLE = {
  post_logout_redirect_uris: [],
  backchannel_logout_uri: null,
  backchannel_logout_session_required: false,
  initiate_login_uri: null,
  client_uri: null,
  logo_uri: null,
  policy_uri: null,
  tos_uri: null,
  contacts: [],
  application_type: 'web' as const,
  require_pkce: true,
  dpop_bound_access_tokens: false,
  default_max_age: null,
  require_auth_time: false,
  default_acr_values: [],
  require_acr: null,
  session_max_age: null,
  consent: 'skip' as const,
  allowed_groups: [],
  id_token_signed_response_alg: 'RS256' as const,
  userinfo_signed_response_alg: null,
  id_token_ttl: null,
  id_token_claims: true,
  claim_map: {},
  refresh: 'offline_access' as const,
}
