/**
 * The description of the HTTP API in OpenAPI 3.1, made from the routes: their terms, the schemas that check requests,
 * and the shapes of responses. No door knows this room; it is loaded when somebody asks for the description.
 */
import { header } from '../ground/shape.ts'
import { readVersion } from '../ground/version.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import type { Route } from '../http/route.ts'
import { ADMIN_SCOPE, BLACKLIST_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import { componentSchemas } from './components.ts'
import { describeAnswer, describeRoute, type Components, type Operation } from './operation.ts'
import { COMMON_REFUSALS } from './refusals.ts'

const TAGS = {
  Tokens: 'For clients: issue, refresh, revoke, introspect.',
  Discovery: 'For verifiers: metadata and public keys.',
  Blacklist: 'What is denied although it would be valid, and the feed by which downstream knows.',
  Clients: 'Who may ask for tokens.',
  Resources: 'Who accepts tokens.',
  Keys: 'What tokens are signed by.',
  Grants: 'Authorisations, each with its refresh token family.',
  Users: 'Persons who sign in, and persons for whom trusted backends have asked grants.',
  Groups: 'What users belong to, with the roles, permissions and claims that they get from it.',
  Sessions: 'Persons who are signed in, and what they have allowed to clients.',
  Audit: 'Who did what.',
  Operation: 'For operators and their tools.',
}

const ABOUT = `Errors are JSON as in RFC 6749 §5.2: a registered code in \`error\`, and in \`error_description\` what was
wrong and the step that helps. Members that you do not know may come with a later version: ignore them.

Every path takes HEAD where it takes GET. Another method is 405 with \`Allow\`, another path 404. A request that is no
HTTP is 400, headers over 16 kB are 431, and what comes too slowly is 408.`

/** The document for an issuer. */
export function describeService(issuer: string, routes: readonly Route[]) {
  const components: Components = { shapes: new Map(), bodies: new Map() }
  const paths: Record<string, Record<string, Operation>> = {}
  // Pages are for browsers: their forms are no interface for programs.
  for (const route of routes.filter(({ access }) => access.kind !== 'page' && !access.isUndescribed)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, components) }
  }
  const refusals = Object.entries(COMMON_REFUSALS).map(([name, answer]) => [name, describeAnswer(answer, components)])
  return {
    openapi: '3.1.1',
    info: { title: 'Signet', version: readVersion(), summary: 'A token issuer', description: ABOUT },
    servers: [{ url: endpointUrl(issuer, '') }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: componentSchemas(components),
      responses: Object.fromEntries(refusals),
      headers: {
        'X-Request-Id': header('Id of this request, by which the log and `signet doctor --request` find it.'),
      },
      securitySchemes: securitySchemes(issuer),
    },
  }
}

function securitySchemes(issuer: string) {
  const scopes = {
    [ADMIN_SCOPE]: 'Everything.',
    [READ_SCOPE]: 'Reading alone.',
    [BLACKLIST_SCOPE]: 'The blacklist alone.',
  }
  return {
    client_secret_basic: {
      type: 'http',
      scheme: 'basic',
      description:
        'For clients: `/token`, `/refresh`, `/revoke` and `/introspect`. The client’s id and secret, each form-encoded (RFC 6749 §2.3.1). Clients registered for `client_secret_post` or `private_key_jwt` send `client_id` with `client_secret`, or `client_assertion`, in the body instead; a client uses the one method that it is registered for.',
    },
    oauth2: {
      type: 'oauth2',
      description:
        'For administration and `/blacklist`, where a client has one of these scopes: an access token whose `aud` is this issuer.',
      flows: { clientCredentials: { tokenUrl: endpointUrl(issuer, '/token'), scopes } },
    },
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: `For administration and \`/blacklist\`: an access token that you have, with \`aud\` ${issuer} and a scope of \`oauth2\`. An operator makes one: \`signet token mint --sub me --resource ${issuer} --scope signet:admin\``,
    },
    access_token: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description:
        'For `/userinfo`: any access token of a person who signed in, whatever its `aud`. A bound token comes with scheme DPoP.',
    },
    metrics_token: {
      type: 'http',
      scheme: 'bearer',
      description: 'For `/metrics`: the value of `SIGNET_METRICS_TOKEN`, as Bearer. It is no access token.',
    },
  }
}
