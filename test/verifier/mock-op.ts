/**
 * An OpenID provider whose answers a test chooses: it signs whatever is wanted, tells what it was asked, and can say
 * anything wrong. A real Signet cannot be made to.
 */
import { hash } from 'node:crypto'
import { SignJWT } from 'jose'
import { DISCOVERY, JWKS, json, startKeyServer, type KeyServer, type SigningKey } from './key-server.ts'

export const CLIENT = 'app'
export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'

export interface MockOp extends KeyServer {
  key: SigningKey
  /** Forms that `/token` was asked with. */
  redeemed: URLSearchParams[]
  /** How the client proved itself at `/token`. */
  authorizations: (string | undefined)[]
  /** Forms that `/revoke` was asked with. */
  revoked: URLSearchParams[]
  /** Changes the next reply of `/token`; an `error` member makes it a refusal. */
  reply: (form: URLSearchParams) => Promise<Record<string, unknown>> | Record<string, unknown>
  /** Claims that the next ID token has; `undefined` leaves one out. */
  idClaims: Record<string, unknown>
  idHeader: Record<string, unknown>
  jwt(claims: Record<string, unknown>, header?: Record<string, unknown>, key?: SigningKey): Promise<string>
  idToken(nonce: string | undefined, accessToken: string): Promise<string>
  logoutToken(claims?: Record<string, unknown>, header?: Record<string, unknown>, key?: SigningKey): Promise<string>
}

/** @param metadata members of the discovery document; `undefined` leaves one out */
export async function startMockOp(metadata: Record<string, unknown> = {}): Promise<MockOp> {
  const server = await startKeyServer()
  const key = await server.addKey('RS256')
  const at = (path: string) => server.issuer + path
  const standard = {
    issuer: server.issuer,
    jwks_uri: at(JWKS),
    authorization_endpoint: at('/authorize'),
    token_endpoint: at('/token'),
    revocation_endpoint: at('/revoke'),
    end_session_endpoint: at('/logout'),
    authorization_response_iss_parameter_supported: true,
  }
  server.answers.set(DISCOVERY, json({ ...standard, ...metadata }))
  const seconds = () => Math.floor(server.clock.now() / 1000)
  const op: MockOp = {
    ...server,
    key,
    redeemed: [],
    authorizations: [],
    revoked: [],
    idClaims: {},
    idHeader: {},
    reply: () => ({}),
    jwt: (claims, header = {}, by = key) =>
      new SignJWT({ iss: server.issuer, iat: seconds(), exp: seconds() + 300, ...claims })
        .setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
        .sign(by.privateKey),
    idToken: (nonce, accessToken) =>
      op.jwt(
        {
          aud: CLIENT,
          sub: 'ada',
          sid: 's1',
          auth_time: 1,
          nonce,
          at_hash: hash('sha256', accessToken, 'buffer').subarray(0, 16).toString('base64url'),
          ...op.idClaims,
        },
        { typ: 'JWT', ...op.idHeader },
      ),
    logoutToken: (claims = {}, header = {}, by = key) =>
      op.jwt(
        { aud: CLIENT, sub: 'ada', sid: 's1', jti: crypto.randomUUID(), events: { [LOGOUT_EVENT]: {} }, ...claims },
        { typ: 'logout+jwt', ...header },
        by,
      ),
  }
  server.answers.set('/token', (request, response) => {
    void formOf(request).then(async (form) => {
      op.redeemed.push(form)
      op.authorizations.push(request.headers.authorization)
      const accessToken = `opaque-${op.redeemed.length}`
      // A code of the mock is the nonce of its request.
      const nonce = form.get('code')?.replace('code-', '')
      const standardReply = {
        access_token: accessToken,
        token_type: 'Bearer',
        expires_in: 600,
        refresh_token: `refresh-${op.redeemed.length}`,
        id_token: await op.idToken(nonce, accessToken),
        scope: 'openid',
      }
      const reply = await op.reply(form)
      response.writeHead('error' in reply ? 400 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify('error' in reply ? reply : { ...standardReply, ...reply }))
    })
  })
  server.answers.set('/revoke', (request, response) => {
    void formOf(request).then((form) => {
      op.revoked.push(form)
      response.writeHead(200).end()
    })
  })
  return op
}

async function formOf(request: AsyncIterable<Buffer>): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) text += chunk.toString('utf8')
  return new URLSearchParams(text)
}
