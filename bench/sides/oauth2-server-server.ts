/** `@node-oauth/oauth2-server` on plain `node:http`: everything in memory, and access tokens are JWTs. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import OAuth2Server from '@node-oauth/oauth2-server'
import { signEs256, signingInput, signRs256 } from './jwt.ts'
import { listen } from './listen.ts'
import { ES256_RESOURCE, LIFETIME_SECONDS, RS256_RESOURCE, SCOPE } from './terms.ts'

const [clientId = '', secret = ''] = process.argv.slice(2)

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

const client: OAuth2Server.Client = { id: clientId, grants: ['client_credentials', 'refresh_token'] }
const refreshTokens = new Map<string, OAuth2Server.RefreshToken>()

type Sign = (sub: string) => string | Promise<string>

/** The library gives its model no request, so each resource has a server of its own. */
function serverWith(sign: Sign): OAuth2Server {
  const model: OAuth2Server.ClientCredentialsModel & OAuth2Server.RefreshTokenModel = {
    generateAccessToken: async (_client, user) => sign(String(user.id)),
    generateRefreshToken: async () => randomBytes(32).toString('base64url'),
    getClient: async (id, given) => (id === clientId && given === secret ? client : null),
    getUserFromClient: async () => ({ id: clientId }),
    validateScope: async (_user, _client, scope) => (scope?.every((each) => each === SCOPE) ? scope : false),
    saveToken: async (token, owner, user) => {
      const saved = { ...token, client: owner, user }
      if (saved.refreshToken !== undefined) keep({ ...saved, refreshToken: saved.refreshToken })
      return saved
    },
    getRefreshToken: async (token) => refreshTokens.get(token),
    revokeToken: async ({ refreshToken }) => refreshTokens.delete(refreshToken),
    getAccessToken: async () => null,
  }
  return new OAuth2Server({ model, accessTokenLifetime: LIFETIME_SECONDS })
}

function keep(token: OAuth2Server.RefreshToken): string {
  refreshTokens.set(token.refreshToken, token)
  return token.refreshToken
}

const subject = (sub: string, aud: string) => ({ clientId, sub, aud })
const es256 = serverWith((sub) => signEs256(signingInput('ES256', subject(sub, ES256_RESOURCE)), ec))
const rs256 = serverWith((sub) => signRs256(signingInput('RS256', subject(sub, RS256_RESOURCE)), rsa))

async function readForm(incoming: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer) // a request's stream is of bytes
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
}

/** Makes a family without a browser, for the load to begin with. */
const createFamily = () =>
  JSON.stringify({
    refresh_token: keep({
      refreshToken: randomBytes(32).toString('base64url'),
      refreshTokenExpiresAt: new Date(Date.now() + 86_400_000),
      scope: [SCOPE],
      client,
      user: { id: clientId },
    }),
  })

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await readForm(incoming)
  if (incoming.url === '/grant') return void outgoing.end(createFamily())
  // Node joins repeated headers, except for cookies, which nobody sends here.
  const headers = incoming.headers as Record<string, string>
  const request = new OAuth2Server.Request({ method: incoming.method ?? '', headers, query: {}, body })
  const response = new OAuth2Server.Response()
  const server = body.resource === RS256_RESOURCE ? rs256 : es256
  // A refusal is in the response already.
  await server.token(request, response).catch(() => {})
  outgoing.writeHead(response.status ?? 500, { 'content-type': 'application/json', ...response.headers })
  outgoing.end(JSON.stringify(response.body))
}

listen(createServer((incoming, outgoing) => void answer(incoming, outgoing)))
