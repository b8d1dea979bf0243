/** Metadata, and the calls that scripts of any origin may make. */
import { describe, expect, test } from 'vitest'
import { request } from '../support/client.ts'
import { readRoutes } from '../support/routes.ts'
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
    ['/.well-known/change-password', 'GET', 'GET, HEAD'],
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

  test('may call everything below /.well-known', async () => {
    const wellKnown = (await readRoutes()).filter(({ path }) => path.startsWith('/.well-known/'))
    expect(wellKnown.length).toBeGreaterThan(3)
    expect(wellKnown.filter(({ access }) => !('isCrossOrigin' in access)).map(({ path }) => path)).toEqual([])
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
