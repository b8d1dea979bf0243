/** The part of an OpenAPI document that tells callers how to authenticate. */
import { mintCommand, quoted, type Facts, type Snippet } from './snippet.ts'

export const openapi = (facts: Facts): Snippet => {
  const scopes = facts.scope.map((value) => `            ${quoted(value)}: ${quoted(`what ${value} allows`)}`)
  const needed = facts.scope.map(quoted).join(', ')
  return {
    snippet: `# Paste into your OpenAPI 3 document, and merge with what stands there.
# What every call then carries, one header: the word Bearer, one space, the value of access_token as it is:
#   Authorization: Bearer eyJhbGciOi...
# In the "Authorize" dialog of Swagger UI: under "bearer" the token string alone, without the word Bearer and without
# quotes. A token string to try it with:
#   ${mintCommand(facts)}
components:
  securitySchemes:
    # For tools that fetch a token by themselves.
    signet:
      type: oauth2
      description: ${quoted(`Access tokens of ${facts.issuer} with aud ${facts.audience}. Send resource=${facts.audience} with the token request.`)}
      flows:
        clientCredentials:
          tokenUrl: ${quoted(facts.tokenEndpoint)}
          scopes:${scopes.length > 0 ? `\n${scopes.join('\n')}` : ' {}'}
    # For people who paste one.
    bearer:
      type: http
      scheme: bearer
      bearerFormat: JWT
  responses:
    Unauthorized:
      description: The token is missing, expired or not for this API; error says which.
      headers:
        WWW-Authenticate: { schema: { type: string } }
      content:
        application/json:
          schema: { $ref: '#/components/schemas/TokenError' }
    Forbidden:
      description: The token is good, but lacks a scope.
      content:
        application/json:
          schema: { $ref: '#/components/schemas/TokenError' }
  schemas:
    TokenError:
      type: object
      required: [error, error_description]
      properties:
        error: { type: string, example: token_expired }
        error_description: { type: string }
# The step that is easily left out: without this, the schemes above are declared and no operation asks for them.
# It stands at the root of the document (for all operations) or in one operation; the two lines mean either of them.
security:
  - signet: [${needed}]
  - bearer: []
`,
    notes: ['operations that are open to everybody say so by: security: []'],
  }
}
