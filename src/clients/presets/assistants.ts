/** Assistants, editors and apps that a team writes itself. */
import { boxes, CLIENT_ID, PROFILE, WITH_REFRESH, type Preset } from './preset.ts'

const PUBLIC = { token_endpoint_auth_method: 'none' }
const POST = { token_endpoint_auth_method: 'client_secret_post' }

/** The OpenAPI block that the editor of an action wants beside its boxes. */
const securityScheme = (at: (path: string) => string): string => `components:
  securitySchemes:
    signet:
      type: oauth2
      flows:
        authorizationCode:
          authorizationUrl: ${at('/authorize')}
          tokenUrl: ${at('/token')}
          scopes: {}
security:
  - signet: []`

const chatgptAction: Preset = {
  title: 'Custom GPT action',
  hasUrl: false,
  metadata: () => ({
    ...POST,
    // The callback is shown only after the action is saved; it changes when it is saved anew.
    redirect_uris: [],
    grant_types: WITH_REFRESH,
    scope: PROFILE,
    require_pkce: false,
    refresh: 'always',
  }),
  paste: ({ at, clientId, clientSecret, authMethod }) => `${boxes([
    ['Authentication', 'OAuth'],
    ['Client ID', clientId],
    ['Client Secret', clientSecret ?? ''],
    ['Authorization URL', at('/authorize')],
    ['Token URL', at('/token')],
    ['Scope', '(leave empty)'],
    [
      'Token Exchange Method',
      authMethod === 'client_secret_basic' ? 'Basic authorization header' : 'Default (POST request)',
    ],
  ])}

# the schema of the action
${securityScheme(at)}`,
  notes: [
    `save the action, copy its Callback URL, and add it for both hosts: signet client update ${CLIENT_ID} --add-redirect-uri https://chat.openai.com/aip/g-…/oauth/callback --add-redirect-uri https://chatgpt.com/aip/g-…/oauth/callback`,
    'the callback changes when the action is saved anew: the error page then offers an operator one button that adds it',
    `for the other Token Exchange Method, Basic authorization header: signet client update ${CLIENT_ID} --auth-method client_secret_basic`,
    'every URL has to be on the domain of the API that the action calls: put Signet behind a path of it',
    'try it in a fresh tab: the preview pane of the editor misbehaves',
  ],
}

/** An assistant that signs a person in to a protected resource, with a client that is made for it by hand. */
const assistant = (title: string, redirectUris: string[], notes: readonly string[]): Preset => ({
  title,
  hasUrl: false,
  metadata: () => ({
    ...POST,
    redirect_uris: redirectUris,
    grant_types: WITH_REFRESH,
    scope: `${PROFILE} offline_access`,
  }),
  paste: ({ clientId, clientSecret }) =>
    boxes([
      ['OAuth Client ID', clientId],
      ['OAuth Client Secret', clientSecret ?? ''],
    ]),
  notes,
})

/** An editor or a command on a person's machine: a public client with loopback addresses. */
const onThisMachine = (title: string, redirectUris: string[], notes: readonly string[]): Preset => ({
  title,
  hasUrl: false,
  metadata: () => ({
    ...PUBLIC,
    application_type: 'native',
    redirect_uris: redirectUris,
    grant_types: WITH_REFRESH,
    scope: `${PROFILE} offline_access`,
  }),
  paste: ({ issuer, clientId }) =>
    boxes([
      ['Issuer', issuer],
      ['Client ID', clientId],
    ]),
  notes,
})

const nextauth: Preset = {
  title: 'Auth.js',
  part: 'NextAuth',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/api/auth/callback/signet`],
    post_logout_redirect_uris: [url, `${url}/`],
    grant_types: WITH_REFRESH,
    scope: `${PROFILE} offline_access`,
  }),
  paste: ({ issuer, brand, clientId, clientSecret }) => `# .env.local
AUTH_SIGNET_ISSUER=${issuer}
AUTH_SIGNET_ID=${clientId}
AUTH_SIGNET_SECRET=${clientSecret}
AUTH_SECRET= # npx auth secret

// auth.ts
import NextAuth from 'next-auth'

export const { handlers, auth, signIn, signOut } = NextAuth({
  providers: [
    {
      id: 'signet',
      name: ${JSON.stringify(brand)},
      type: 'oidc',
      issuer: process.env.AUTH_SIGNET_ISSUER,
      clientId: process.env.AUTH_SIGNET_ID,
      clientSecret: process.env.AUTH_SIGNET_SECRET,
      checks: ['pkce', 'state', 'nonce'],
    },
  ],
})`,
  notes: ['the id "signet" is a part of the redirect URI: keep it'],
}

const spa: Preset = {
  title: 'Single-page app',
  hasUrl: true,
  metadata: (url) => ({
    ...PUBLIC,
    redirect_uris: [`${url}/callback`],
    post_logout_redirect_uris: [url, `${url}/`],
    grant_types: WITH_REFRESH,
    scope: PROFILE,
    // Browsers give a hidden frame of another site no cookie, so prompt=none cannot renew. A refresh token does, rotates with
    // each use (RFC 9700 §4.14.2), and without offline_access ends when the person signs out. A day, since a page can leak it.
    refresh: 'always',
    refresh_token_ttl: 86_400,
  }),
  paste: ({ issuer, clientId, redirectUris }) => `npm install oidc-client-ts

import { UserManager } from 'oidc-client-ts'

export const users = new UserManager({
  authority: '${issuer}',
  client_id: '${clientId}',
  redirect_uri: '${redirectUris[0]}',
  scope: '${PROFILE}',
})`,
  notes: [
    'the page renews its access token by a refresh token, for a day at most; it ends when the person signs out',
    'a backend that keeps the tokens is safer than a page that has them (RFC 10017 §6.1): signIn() of signet-verify is one',
  ],
}

export const ASSISTANTS = {
  'chatgpt-action': chatgptAction,
  chatgpt: assistant(
    'ChatGPT',
    ['https://chatgpt.com/connector_platform_oauth_redirect'],
    [
      `ChatGPT shows the callback of your connector, https://chatgpt.com/connector/oauth/…: add it with signet client update ${CLIENT_ID} --add-redirect-uri`,
      'the API has to name this issuer in its protected resource metadata: protectedResource() of signet-verify',
    ],
  ),
  claude: assistant(
    'Claude',
    ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
    [
      'Claude asks from its own cloud: an issuer behind a VPN cannot be reached',
      'enter both values under Advanced settings of the connector',
    ],
  ),
  'claude-code': onThisMachine(
    'Claude Code',
    ['http://localhost/callback', 'http://127.0.0.1/callback'],
    [`add the server with its client: claude mcp add --transport http --client-id ${CLIENT_ID} NAME URL`],
  ),
  vscode: onThisMachine(
    'VS Code',
    [
      'https://vscode.dev/redirect',
      'https://insiders.vscode.dev/redirect',
      'http://127.0.0.1/',
      'http://127.0.0.1:33418/',
      'http://127.0.0.1',
    ],
    ['VS Code asks for the client id when it meets this issuer for the first time'],
  ),
  cursor: onThisMachine(
    'Cursor',
    [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'http://localhost:8787/callback',
    ],
    [`name the client id in mcp.json: "auth": {"CLIENT_ID": "${CLIENT_ID}"}`],
  ),
  nextauth,
  spa,
} satisfies Record<string, Preset>
