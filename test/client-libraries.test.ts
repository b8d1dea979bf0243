/** The issuer meets clients and verifiers that others wrote, over HTTP, without any of our own code between. */
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { JwksClient } from 'jwks-rsa'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'
import { createResource, type AdministeredIssuer } from './support/admin.ts'
import { bearer, request } from './support/client.ts'
import { shareWithApi } from './support/shared.ts'

const RESOURCE = 'https://orders.example.com'
const RS256_RESOURCE = 'https://legacy.example.com'

let issuer: AdministeredIssuer
const shared = shareWithApi()

beforeAll(async () => {
  issuer = shared()
  await createResource(issuer.operator, RESOURCE, { scope: 'read write' })
  await createResource(issuer.operator, RS256_RESOURCE, { alg: 'RS256', scope: 'read write', typ: 'JWT' })
})

async function register(metadata: object): Promise<{ client_id: string; client_secret: string }> {
  const { status, text, body } = await issuer.operator.call('POST', '/admin/api/clients', {
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'read write',
    resources: [RESOURCE, RS256_RESOURCE],
    ...metadata,
  })
  if (status !== 201) throw new Error(text)
  return body as { client_id: string; client_secret: string }
}

describe('oauth4webapi', () => {
  const insecure = { [oauth.allowInsecureRequests]: true }

  async function discover(algorithm: 'oidc' | 'oauth2'): Promise<oauth.AuthorizationServer> {
    const url = new URL(issuer.issuer)
    return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm, ...insecure }))
  }

  async function clientCredentials(
    client: oauth.Client,
    authentication: oauth.ClientAuth,
    parameters: Record<string, string>,
  ) {
    const server = await discover('oauth2')
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, insecure)
    return { server, tokens: await oauth.processClientCredentialsResponse(server, client, response) }
  }

  test('finds the issuer by both metadata documents, which agree', async () => {
    expect(await discover('oidc')).toEqual(await discover('oauth2'))
  })

  test('gets, refreshes, introspects and revokes tokens as client_secret_basic', async () => {
    const { client_id, client_secret } = await register({})
    const client = { client_id }
    const authentication = oauth.ClientSecretBasic(client_secret)
    const { server, tokens } = await clientCredentials(client, authentication, { scope: 'read offline_access' })
    expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 900, scope: 'read offline_access' })

    const refreshing = await oauth.refreshTokenGrantRequest(
      server,
      client,
      authentication,
      tokens.refresh_token ?? '',
      insecure,
    )
    const refreshed = await oauth.processRefreshTokenResponse(server, client, refreshing)
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)

    const introspect = async (token: string) =>
      oauth.processIntrospectionResponse(
        server,
        client,
        await oauth.introspectionRequest(server, client, authentication, token, insecure),
      )
    expect(await introspect(refreshed.access_token)).toMatchObject({ active: true, client_id, aud: RESOURCE })

    const revoking = await oauth.revocationRequest(
      server,
      client,
      authentication,
      refreshed.refresh_token ?? '',
      insecure,
    )
    await oauth.processRevocationResponse(revoking)
    expect(await introspect(refreshed.access_token)).toEqual({ active: false })
  })

  test('authenticates as client_secret_post', async () => {
    const { client_id, client_secret } = await register({ token_endpoint_auth_method: 'client_secret_post' })
    const { tokens } = await clientCredentials({ client_id }, oauth.ClientSecretPost(client_secret), {})
    expect(tokens.scope).toBe('read write')
  })

  test.each(['ES256', 'RS256', 'PS256', 'Ed25519'])('authenticates by private_key_jwt signed with %s', async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg)
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg, kid: 'mine' }] }
    const { client_id } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks })
    const authentication = oauth.PrivateKeyJwt({ key: privateKey, kid: 'mine' })
    const { tokens } = await clientCredentials({ client_id }, authentication, {})
    expect(tokens.access_token).toBeTruthy()
  })

  test('validates an access token as an RFC 9068 resource server', async () => {
    const { client_id, client_secret } = await register({})
    const { server, tokens } = await clientCredentials({ client_id }, oauth.ClientSecretBasic(client_secret), {
      scope: 'write',
    })
    const asked = new Request(`${RESOURCE}/orders`, { headers: bearer(tokens.access_token) })
    const claims = await oauth.validateJwtAccessToken(server, asked, RESOURCE, insecure)
    expect(claims).toMatchObject({ iss: issuer.issuer, aud: RESOURCE, sub: client_id, client_id, scope: 'write' })
  })
})

test('openid-client discovers the issuer and gets and refreshes tokens', async () => {
  const { client_id, client_secret } = await register({})
  const config = await openid.discovery(
    new URL(issuer.issuer),
    client_id,
    undefined,
    openid.ClientSecretBasic(client_secret),
    {
      execute: [openid.allowInsecureRequests],
    },
  )
  const tokens = await openid.clientCredentialsGrant(config, { scope: 'read offline_access', resource: RESOURCE })
  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
  expect(refreshed.scope).toBe('read offline_access')
  expect(await openid.tokenIntrospection(config, refreshed.access_token)).toMatchObject({ active: true, client_id })
  await openid.tokenRevocation(config, refreshed.access_token)
  expect(await openid.tokenIntrospection(config, refreshed.access_token)).toEqual({ active: false })
})

async function mint(resource: string): Promise<string> {
  const { client_id, client_secret } = await register({})
  const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
  const { body } = await request(`${issuer.url}/token`, {
    headers: { authorization },
    form: { grant_type: 'client_credentials', resource },
  })
  return body.access_token
}

test('jose verifies both algorithms through its remote JWKS', async () => {
  const keys = createRemoteJWKSet(new URL(`${issuer.url}/.well-known/jwks.json`))
  const es256 = await jwtVerify(await mint(RESOURCE), keys, {
    issuer: issuer.issuer,
    audience: RESOURCE,
    typ: 'at+jwt',
    algorithms: ['ES256'],
  })
  const rs256 = await jwtVerify(await mint(RS256_RESOURCE), keys, {
    issuer: issuer.issuer,
    audience: RS256_RESOURCE,
    typ: 'JWT',
    algorithms: ['RS256'],
  })
  expect([es256.protectedHeader.alg, rs256.protectedHeader.alg]).toEqual(['ES256', 'RS256'])
})

test.each([
  ['ES256', RESOURCE],
  ['RS256', RS256_RESOURCE],
] as const)('jsonwebtoken verifies %s with the key that jwks-rsa finds by kid', async (alg, audience) => {
  const client = new JwksClient({ jwksUri: `${issuer.url}/.well-known/jwks.json`, cache: true, rateLimit: true })
  const token = await mint(audience)
  const kid = jsonwebtoken.decode(token, { complete: true })?.header.kid
  const key = (await client.getSigningKey(kid)).getPublicKey()
  expect(jsonwebtoken.verify(token, key, { algorithms: [alg], audience, issuer: issuer.issuer })).toMatchObject({
    aud: audience,
  })
  expect(() => jsonwebtoken.verify(token, key, { algorithms: [alg], audience: 'https://other.example.com' })).toThrow(
    /audience/,
  )
})
