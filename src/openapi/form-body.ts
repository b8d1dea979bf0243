/** The bodies of form endpoints, made from the table of parameters that reads them (http/parameters.ts). */
import { ASSERTION_TYPE } from '../clients/assertion.ts'
import { GRANT_TYPES } from '../clients/client.ts'
import type { JsonSchema } from '../ground/shape.ts'
import type { ParameterName, Times } from '../http/parameters.ts'
import type { Route } from '../http/route.ts'

const FORM = 'application/x-www-form-urlencoded'

/** Every parameter has its line; a name without one does not compile. */
const PARAMETERS: Record<ParameterName, JsonSchema> = {
  grant_type: { description: 'How the token is asked for.', enum: GRANT_TYPES },
  scope: {
    description:
      'Scope values, separated by spaces; absent for all that client and resource share. `offline_access` asks for a refresh token. A refresh may lower the scope, never raise it.',
  },
  resource: { description: 'A resource that the token is for (RFC 8707); the client’s first one where absent.' },
  audience: { description: 'Another word for `resource`.' },
  code: { description: 'The code, for grant type `authorization_code`.' },
  redirect_uri: { description: 'The same as in the authorization request, byte for byte.', format: 'uri' },
  code_verifier: { description: 'Belongs to the `code_challenge` of the authorization request (RFC 7636 §4.5).' },
  refresh_token: { description: 'The refresh token, for grant type `refresh_token`.' },
  subject: {
    description: 'Id of the person that the backend signed in, for the `subject` grant.',
    maxLength: 255,
  },
  subject_claims: {
    description:
      'Claims of that person, for the `subject` grant: a JSON object with members that the client may assert.',
    contentMediaType: 'application/json',
  },
  token: { description: 'The token that is asked about: an access token or a refresh token.' },
  token_type_hint: { description: 'Taken and not needed (RFC 7009 §2.1).' },
  access_token: { description: 'The access token, unless it stands in the header.' },
  client_id: { description: 'Who asks, unless HTTP Basic says it.' },
  client_secret: {
    description: 'For clients registered for `client_secret_post`.',
    format: 'password',
  },
  client_assertion: {
    description: 'A signed JWT, for clients registered for `private_key_jwt` (RFC 7523 §2.2).',
  },
  client_assertion_type: { description: 'Goes with `client_assertion`.', enum: [ASSERTION_TYPE] },
}

export function formBody({ form = {}, isFormOrJson, about }: Route): object {
  const required = about.required ?? []
  const properties = Object.entries(form).map(([each, times]): [string, JsonSchema] => {
    const name = each as ParameterName // the tables hold no other names
    return [name, parameterSchema(name, times, required.includes(name))]
  })
  const schema = { type: 'object', properties: Object.fromEntries(properties), required }
  const content = { schema, examples: about.examples }
  return { required: true, content: { [FORM]: content, ...(isFormOrJson && { 'application/json': content }) } }
}

/** A parameter that may repeat is a list: sent once for each value. */
function parameterSchema(name: ParameterName, times: Times, isRequired: boolean): JsonSchema {
  const { description, ...one } = PARAMETERS[name]
  const value = { type: 'string', ...one }
  const schema = { description, ...(times === 'once' ? value : { type: 'array', items: value }) }
  // A page that fills in forms would make up a value. Without one a parameter counts as absent (RFC 6749 §3.2).
  if (isRequired || 'enum' in one) return schema
  return { ...schema, default: times === 'once' ? '' : [] }
}
