/** `/token`, `/refresh`, `/revoke` and `/introspect` */
import * as z from 'zod'
import { SUBJECT_GRANT } from '../clients/client.ts'
import { REFRESH_PARAMETERS, TOKEN_PARAMETERS, TOKEN_QUESTION_PARAMETERS } from '../http/parameters.ts'
import { formBody } from './form-body.ts'
import { AS_CLIENT, done, header, json, ref, type Answer, type Parameter, type Paths } from './operation.ts'
import { CLIENT_REFUSALS, refused } from './refusals.ts'

const tokenResponse = z.object({
  access_token: z.string().meta({ description: 'A JWT as in RFC 9068.' }),
  token_type: z.enum(['Bearer', 'DPoP']).meta({ description: '`DPoP` where it is bound to a key (RFC 9449).' }),
  expires_in: z.int().min(1).meta({ description: 'Seconds.' }),
  refresh_token: z.string().optional().meta({ description: 'Opaque; keep only the newest one.' }),
  scope: z.string().optional().meta({ description: 'What was granted.' }),
})

const seconds = z.int()

const inactive = z.object({
  active: z.literal(false).meta({ description: 'Not good, or not the caller’s to ask about.' }),
})

const active = z.object({
  active: z.literal(true).meta({ description: 'The token is good now.' }),
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  sub: z.string(),
  client_id: z.string(),
  scope: z.string(),
  exp: seconds.meta({ description: 'When it ends. Seconds.' }),
  iat: seconds.meta({ description: 'When it was issued. Seconds.' }),
  jti: z.string().optional(),
  token_type: z.enum(['Bearer', 'DPoP', 'refresh_token']).meta({ description: 'Which kind of token it is.' }),
  sid: z.string().optional(),
  cnf: z
    .object({ jkt: z.string().meta({ description: 'Thumbprint of the key (RFC 9449 §6.1).' }) })
    .optional()
    .meta({ description: 'The key that it is bound to.' }),
  username: z.string().optional().meta({ description: 'Where the token has such a claim.' }),
})

export const tokenSchemas = { TokenResponse: tokenResponse, Introspection: z.union([active, inactive]) }

const TOKENS = {
  access_token: 'eyJhbGciOiJFUzI1NiIsImtpZCI6…',
  token_type: 'Bearer',
  expires_in: 900,
  refresh_token: 'sgr_…',
  scope: 'orders:read offline_access',
} satisfies z.output<typeof tokenResponse>

const ACTIVE = {
  active: true,
  iss: 'https://signet.example.com',
  aud: 'https://orders.example.com',
  sub: 'billing',
  client_id: 'billing',
  scope: 'orders:read',
  exp: 1_769_861_700,
  iat: 1_769_860_800,
  jti: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
  token_type: 'Bearer',
} satisfies z.output<typeof active>

const DPOP: Parameter = {
  name: 'DPoP',
  in: 'header',
  description: 'Proof of a key, to which the access token is then bound (RFC 9449 §5).',
  schema: { type: 'string' },
}

const NEVER_STORED = { Pragma: header('`no-cache`.') }
const issued: Answer = json('Issued.', ref('TokenResponse'), TOKENS, NEVER_STORED)

const REFUSED = refused(
  'invalid_request',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_dpop_proof',
)

const shared = { tags: ['Tokens'] as [string], security: AS_CLIENT }

const REFRESH = { refresh_token: 'sgr_…' }

const question = formBody({
  known: TOKEN_QUESTION_PARAMETERS,
  required: ['token'],
  examples: { token: { summary: 'A token', value: { token: 'eyJhbGciOiJFUzI1NiIsImtpZCI6…' } } },
})

export const tokenPaths: Paths = {
  '/token': {
    post: {
      ...shared,
      operationId: 'issueToken',
      summary: 'Issue an access token (RFC 6749 §3.2)',
      parameters: [DPOP],
      requestBody: formBody({
        known: TOKEN_PARAMETERS,
        required: ['grant_type'],
        examples: {
          client_credentials: {
            summary: 'A service in its own name',
            value: { grant_type: 'client_credentials', scope: 'orders:read offline_access' },
          },
          refresh_token: { summary: 'Refresh', value: { grant_type: 'refresh_token', ...REFRESH } },
          subject: {
            summary: 'For a person whom the backend signed in itself',
            value: { grant_type: SUBJECT_GRANT, subject: 'ada', subject_claims: '{"email":"ada@example.com"}' },
          },
        },
      }),
      responses: {
        200: issued,
        ...REFUSED,
        ...CLIENT_REFUSALS,
      },
    },
  },
  '/refresh': {
    post: {
      ...shared,
      operationId: 'refreshToken',
      summary: 'Refresh (RFC 6749 §6)',
      description: 'The same as `/token` with `grant_type=refresh_token`; takes a form or JSON with the same members.',
      parameters: [DPOP],
      requestBody: formBody({
        known: REFRESH_PARAMETERS,
        required: ['refresh_token'],
        examples: { refresh: { summary: 'Refresh', value: REFRESH } },
        orJson: true,
      }),
      responses: {
        200: issued,
        ...REFUSED,
        ...CLIENT_REFUSALS,
      },
    },
  },
  '/revoke': {
    post: {
      ...shared,
      operationId: 'revokeToken',
      summary: 'Revoke a token of the client’s own (RFC 7009)',
      description: 'An access token is denied; a refresh token ends its grant. 200 whatever the token was.',
      requestBody: question,
      responses: {
        200: done('It is good no more, if it was the client’s.'),
        ...refused('invalid_request'),
        ...CLIENT_REFUSALS,
      },
    },
  },
  '/introspect': {
    post: {
      ...shared,
      operationId: 'introspectToken',
      summary: 'Ask for the state of a token (RFC 7662)',
      description:
        'For the client that the token was issued to, and for those that have its resource; to any other it is inactive.',
      requestBody: question,
      responses: {
        200: json('Its state.', ref('Introspection'), ACTIVE),
        ...refused('invalid_request'),
        ...CLIENT_REFUSALS,
      },
    },
  },
}
