/** Metadata, and the calls that scripts of any origin may make. */
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { describe, expect, test } from 'vitest'
import { request } from '../support/client.ts'
import { addClient, addUser, signIn } from '../support/codes.ts'
import { CALLBACK, VERIFIER, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()

const metadata = async (): Promise<Record<string, any>> =>
  (await request(`${issuer().url}/.well-known/openid-configuration`)).body

describe('the metadata', () => {
  test('lists what some client insists on', async () => {
    expect(await metadata()).toMatchObject({
      issuer: issuer().issuer,
      authorization_endpoint: `${issuer().issuer}/authorize`,
      token_endpoint: `${issuer().issuer}/token`,
      userinfo_endpoint: `${issuer().issuer}/userinfo`,
      end_session_endpoint: `${issuer().issuer}/logout`,
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      code_challenge_methods_supported: ['S256'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
      authorization_response_iss_parameter_supported: true,
      claims_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    })
  })

  test('is the same in both documents', async () => {
    const other = await request(`${issuer().url}/.well-known/oauth-authorization-server`)
    expect(other.body).toEqual(await metadata())
  })

  test('lists no scope of the issuer itself, because some clients ask for the whole list', async () => {
    const { scopes_supported } = await metadata()
    expect(scopes_supported).toEqual(['openid', 'profile', 'email', 'phone', 'address', 'groups', 'offline_access'])
  })

  test('lists nothing that is not served', async () => {
    const document = await metadata()
    for (const absent of [
      'registration_endpoint',
      'pushed_authorization_request_endpoint',
      'device_authorization_endpoint',
      'client_id_metadata_document_supported',
      'check_session_iframe',
      'frontchannel_logout_supported',
    ])
      expect(document).not.toHaveProperty(absent)
    expect(document.grant_types_supported).not.toContain('implicit')
  })
})

describe('scripts of any origin', () => {
  const preflight = (path: string, method: string) =>
    request(issuer().url + path, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://spa.example',
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type,dpop',
      },
    })

  test.each([
    ['/token', 'POST', 'POST'],
    ['/revoke', 'POST', 'POST'],
    ['/userinfo', 'GET', 'GET, HEAD, POST'],
    ['/userinfo', 'POST', 'GET, HEAD, POST'],
    ['/.well-known/openid-configuration', 'GET', 'GET, HEAD'],
    ['/.well-known/oauth-authorization-server', 'GET', 'GET, HEAD'],
    ['/.well-known/jwks.json', 'GET', 'GET, HEAD'],
  ])('may call %s by %s', async (path, method, methods) => {
    const { status, headers } = await preflight(path, method)
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-methods')).toBe(methods)
    expect(headers.get('access-control-allow-headers')).toBe('authorization,content-type,dpop')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    const refused = await request(issuer().url + path, { method, headers: { origin: 'https://spa.example' } })
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
  })

  test.each([
    ['/authorize', 'GET'],
    ['/introspect', 'POST'],
    ['/refresh', 'POST'],
    ['/admin/api/clients', 'GET'],
    ['/login', 'POST'],
    ['/account', 'GET'],
    ['/blacklist', 'POST'],
  ])('may not call %s by %s', async (path, method) => {
    const { headers } = await preflight(path, method)
    expect(headers.get('access-control-allow-origin')).toBeNull()
    const answer = await request(issuer().url + path, { method, headers: { origin: 'https://spa.example' } })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('client libraries by discovery alone', () => {
  test('openid-client signs in, reads userinfo and refreshes', async () => {
    const store = await storeOf(issuer())
    const client = await addClient(issuer())
    const person = await addUser(store)
    const basic = openid.ClientSecretBasic(client.secret)
    const config = await openid.discovery(new URL(issuer().issuer), client.clientId, undefined, basic, {
      execute: [openid.allowInsecureRequests],
    })
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid email offline_access',
      nonce: 'n-2',
      state: 's-1',
      code_challenge: await openid.calculatePKCECodeChallenge(VERIFIER),
      code_challenge_method: 'S256',
    })
    const { code } = await signIn(issuer(), client, person, Object.fromEntries(url.searchParams))
    const back = new URL(`${CALLBACK}?${new URLSearchParams({ code, state: 's-1', iss: issuer().issuer }).toString()}`)
    const tokens = await openid.authorizationCodeGrant(config, back, {
      pkceCodeVerifier: VERIFIER,
      expectedState: 's-1',
      expectedNonce: 'n-2',
      idTokenExpected: true,
    })
    expect(tokens.claims()?.sub).toBe(person.id)
    const info = await openid.fetchUserInfo(config, tokens.access_token, person.id)
    expect(info.email).toBe(person.email)
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(next.claims()?.sub).toBe(person.id)
  })

  test('oauth4webapi takes the answer of a public client', async () => {
    const store = await storeOf(issuer())
    const client = await addClient(issuer(), { token_endpoint_auth_method: 'none' })
    const person = await addUser(store)
    const insecure = { [oauth.allowInsecureRequests]: true }
    const at = new URL(issuer().issuer)
    const server = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, insecure))
    const { code } = await signIn(issuer(), client, person, { state: 's-2', nonce: 'n-3' })
    const own = { client_id: client.clientId }
    const back = new URLSearchParams({ code, state: 's-2', iss: issuer().issuer })
    const parameters = oauth.validateAuthResponse(server, own, back, 's-2')
    const answer = await oauth.authorizationCodeGrantRequest(
      server,
      own,
      oauth.None(),
      parameters,
      CALLBACK,
      VERIFIER,
      insecure,
    )
    const result = await oauth.processAuthorizationCodeResponse(server, own, answer, {
      expectedNonce: 'n-3',
      requireIdToken: true,
    })
    expect(oauth.getValidatedIdTokenClaims(result)?.sub).toBe(person.id)
    const info = await oauth.userInfoRequest(server, own, result.access_token, insecure)
    expect((await oauth.processUserInfoResponse(server, own, person.id, info)).sub).toBe(person.id)
  })
})
