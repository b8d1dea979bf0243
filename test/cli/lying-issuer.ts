/** Issuers that misbehave, each at a path of one server, and tokens that they might have signed. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'

export interface LyingIssuer {
  url: string
  /** The issuer URL of one misbehaviour. */
  at(lie: Lie): string
  /** A token that would be good, but for what is changed. Times are seconds from now. */
  sign(lie: Lie, changes?: Changes): Promise<string>
  stop(): void
}

export interface Changes {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
  /** Of which key. */
  key?: 'published' | 'unpublished' | 'rsa'
  expiresIn?: number
}

export type Lie =
  | 'honest'
  | 'issuer-differs'
  | 'html'
  | 'redirects'
  | 'keys-gone'
  | 'keys-html'
  | 'no-keys'
  | 'private'
  | 'no-jwks-uri'
  | 'nameless'
  | 'ahead'
  | 'behind'
  | 'stale-cache'
  | 'login'

interface Keys {
  published: CryptoKey
  unpublished: CryptoKey
  rsa: CryptoKey
  jwks: Record<'published' | 'unpublished' | 'rsa' | 'private', JWK>
}

const SKEW_MS = { ahead: 600_000, behind: -600_000 }

export async function startLyingIssuer(): Promise<LyingIssuer> {
  const keys = await makeKeys()
  const server = createServer((request, response) => answer(request, response, keys))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
  const at = (lie: Lie) => `${url}/${lie}`
  return {
    url,
    at,
    stop: () => server.close(),
    sign(lie, { header = {}, claims = {}, key = 'published', expiresIn = 600 } = {}) {
      const now = Math.floor(Date.now() / 1000)
      const standard = { iss: at(lie), aud: 'api', sub: 'a', client_id: 'c', jti: 'j', scope: 'read', iat: now - 600 }
      const alg = key === 'rsa' ? 'RS256' : 'ES256'
      return new SignJWT({ ...standard, exp: now + expiresIn, ...claims })
        .setProtectedHeader({ alg, typ: 'at+jwt', kid: key, ...header })
        .sign(keys[key])
    },
  }
}

async function makeKeys(): Promise<Keys> {
  const options = { extractable: true }
  const [published, unpublished, rsa] = await Promise.all([
    generateKeyPair('ES256', options),
    generateKeyPair('ES256', options),
    generateKeyPair('RS256', options),
  ])
  const jwk = async (key: CryptoKey, kid: string, alg: string): Promise<JWK> => ({
    ...(await exportJWK(key)),
    kid,
    alg,
  })
  return {
    published: published.privateKey,
    unpublished: unpublished.privateKey,
    rsa: rsa.privateKey,
    jwks: {
      published: await jwk(published.publicKey, 'published', 'ES256'),
      unpublished: await jwk(unpublished.publicKey, 'unpublished', 'ES256'),
      rsa: await jwk(rsa.publicKey, 'rsa', 'RS256'),
      private: await jwk(published.privateKey, 'published', 'ES256'),
    },
  }
}

function answer(request: IncomingMessage, response: ServerResponse, keys: Keys): void {
  const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
  const [, lie, ...rest] = url.pathname.split('/') as [string, Lie, ...string[]] // as `at` made it
  const path = rest.join('/')
  const json = (value: unknown, headers: Record<string, string> = {}) => {
    const skew = lie === 'ahead' || lie === 'behind' ? SKEW_MS[lie] : 0
    response.writeHead(200, {
      'content-type': 'application/json',
      date: new Date(Date.now() + skew).toUTCString(),
      ...headers,
    })
    response.end(JSON.stringify(value))
  }
  const html = () =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Welcome</title>')
  const issuer = `${url.origin}/${lie}`
  if (path === '.well-known/openid-configuration') {
    if (lie === 'html') return void html()
    if (lie === 'login') return void response.writeHead(401).end()
    if (lie === 'redirects') return void response.writeHead(301, { location: `${url.origin}/honest/${path}` }).end()
    const jwksUri = lie === 'no-jwks-uri' ? undefined : `${issuer}/jwks`
    return json({ issuer: lie === 'issuer-differs' ? `${url.origin}/other` : issuer, jwks_uri: jwksUri })
  }
  if (path !== 'jwks' || lie === 'keys-gone') return void response.writeHead(404).end()
  if (lie === 'keys-html') return void html()
  if (lie === 'no-keys') return json({ keys: [] })
  if (lie === 'private') return json({ keys: [keys.jwks.private] })
  if (lie === 'nameless') return json({ keys: [{ ...keys.jwks.published, kid: undefined }, keys.jwks.rsa] })
  const fresh = lie === 'stale-cache' && url.searchParams.has('signet-doctor') ? [keys.jwks.unpublished] : []
  json({ keys: [keys.jwks.published, keys.jwks.rsa, ...fresh] }, { 'cache-control': 'max-age=300' })
}
