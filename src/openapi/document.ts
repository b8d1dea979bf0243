/**
 * The whole description of the HTTP API in OpenAPI 3.1, made from the schemas that check requests and the tables
 * that forms are read by. It knows the doors and no door knows it; it is loaded when somebody asks for it.
 */
import { ADMIN_SCOPE, BLACKLIST_SCOPE } from '../resources/resource.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { readVersion } from '../ground/version.ts'
import { auditPaths, auditSchemas } from './audit.ts'
import { blacklistPaths, blacklistSchemas } from './blacklist.ts'
import { clientPaths, clientSchemas } from './clients.ts'
import { componentsOf } from './components.ts'
import { discoveryPaths, discoverySchemas } from './discovery.ts'
import { grantPaths, grantSchemas, userPaths } from './grants.ts'
import { keyPaths, keySchemas } from './keys.ts'
import { operationPaths, operationSchemas } from './operations.ts'
import { header, type Answer, type Operation, type Paths } from './operation.ts'
import { COMMON_REFUSALS } from './refusals.ts'
import { resourcePaths, resourceSchemas } from './resources.ts'
import { tokenPaths, tokenSchemas } from './tokens.ts'

const SCHEMAS = {
  ...tokenSchemas,
  ...discoverySchemas,
  ...blacklistSchemas,
  ...clientSchemas,
  ...resourceSchemas,
  ...keySchemas,
  ...grantSchemas,
  ...auditSchemas,
  ...operationSchemas,
}

const PATHS: Paths = {
  ...tokenPaths,
  ...discoveryPaths,
  ...blacklistPaths,
  ...clientPaths,
  ...resourcePaths,
  ...keyPaths,
  ...grantPaths,
  ...userPaths,
  ...auditPaths,
  ...operationPaths,
}

const TAGS = {
  Tokens: 'For clients: issue, refresh, revoke, introspect.',
  Discovery: 'For verifiers: metadata and public keys.',
  Blacklist: 'What is denied although it would be valid, and the feed by which downstream knows.',
  Clients: 'Who may ask for tokens.',
  Resources: 'Who accepts tokens.',
  Keys: 'What tokens are signed by.',
  Grants: 'Authorisations, each with its refresh token family.',
  Users: 'Persons for whom trusted backends have asked grants.',
  Audit: 'Who did what.',
  Operation: 'For operators and their tools.',
}

const ABOUT = `Errors are JSON as in RFC 6749 §5.2: a registered code in \`error\`, and in \`error_description\` what was
wrong and the step that helps. Members that you do not know may come with a later version: ignore them.

Every path takes HEAD where it takes GET. Another method is 405 with \`Allow\`, another path 404. A request that is no
HTTP is 400, headers over 16 kB are 431, and what comes too slowly is 408.`

/** The document for an issuer. */
export function describeService(issuer: string) {
  return {
    openapi: '3.1.1',
    info: { title: 'Signet', version: readVersion(), summary: 'A token issuer', description: ABOUT },
    servers: [{ url: endpointUrl(issuer, '') }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: withRequestIds(PATHS),
    components: {
      schemas: componentsOf(SCHEMAS),
      responses: mapValues(COMMON_REFUSALS, withRequestId),
      headers: {
        'X-Request-Id': header('Id of this request, by which the log and `signet doctor --request` find it.'),
      },
      securitySchemes: securitySchemes(issuer),
    },
  }
}

function securitySchemes(issuer: string) {
  const scopes = { [ADMIN_SCOPE]: 'Everything.', [BLACKLIST_SCOPE]: 'The blacklist alone.' }
  return {
    client_secret_basic: {
      type: 'http',
      scheme: 'basic',
      description:
        'The client’s id and secret, each form-encoded (RFC 6749 §2.3.1). Clients registered for `client_secret_post` or `private_key_jwt` send `client_id` with `client_secret`, or `client_assertion`, in the body instead; a client uses the one method that it is registered for.',
    },
    oauth2: {
      type: 'oauth2',
      description: 'An access token whose `aud` is this issuer, as Bearer.',
      flows: { clientCredentials: { tokenUrl: endpointUrl(issuer, '/token'), scopes } },
    },
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'The same, of a token that you have. The scopes are those of `oauth2`.',
    },
    metrics_token: {
      type: 'http',
      scheme: 'bearer',
      description: 'The value of `SIGNET_METRICS_TOKEN`, as Bearer. It is no access token.',
    },
  }
}

/** Every answer carries an id. */
function withRequestIds(paths: Paths) {
  const all = ({ responses, ...operation }: Operation) => ({
    ...operation,
    responses: mapValues(responses, (answer) => ('$ref' in answer ? answer : withRequestId(answer))),
  })
  return mapValues(paths, (methods) => mapValues(methods, all))
}

const withRequestId = (answer: Answer) => ({
  ...answer,
  headers: { ...answer.headers, 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } },
})

const mapValues = <Value, Made>(record: Record<string, Value>, make: (value: Value) => Made): Record<string, Made> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(value)]))
