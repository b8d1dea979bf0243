/**
 * Redirect URIs: which may be registered, and which a request names.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { describe, expect, test } from 'vitest'
import {
  applicationTypeOf,
  findRedirectFault,
  isRedirectUri,
  isRegisteredRedirect,
} from '../../src/clients/redirect-uri.ts'

type Redirected = Parameters<typeof isRegisteredRedirect>[1]

const client = (redirectUris: string[], change: Partial<Redirected> = {}): Redirected => ({
  redirectUris,
  tokenEndpointAuthMethod: 'client_secret_basic',
  applicationType: null,
  ...change,
})

const PUBLIC = { tokenEndpointAuthMethod: 'none' }

describe('may be registered', () => {
  test.each([
    'https://app.example',
    'https://app.example/cb?tenant=a&b=c',
    'https://App.example:8443/cb',
    'http://localhost',
    'http://localhost:8000',
    'http://127.0.0.1/',
    'http://127.0.0.1:33418/',
    'http://[::1]:1/cb',
    'http://app.localhost:8080/cb',
    'http://127.0.0.2/cb',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'audiobookshelf://oauth',
    'oc://ios.owncloud.com',
    'kitchenowl:/signin/redirect',
    'app.immich:///oauth-callback',
    'com.example.app:/cb',
    'vscode://vscode.github-authentication/did-authenticate',
  ])('%s', (uri) => expect(isRedirectUri(uri)).toBe(true))
})

describe('may not be registered', () => {
  test.each([
    ...'javascript data vbscript file blob about ws wss ftp view-source intent'
      .split(' ')
      .map((scheme) => `${scheme}://app.example/cb`),
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'http://app.example/cb',
    'http://127.0.0.1.evil.example/',
    'http://localhost.evil.example/',
    'http://applocalhost/cb',
    'http://App.localhost/cb',
    'http://app.localhost:0/cb',
    'http://127.0.0.256/cb',
    'http://127.0.0.01/cb',
    'http://localhost@evil.example/',
    'http://127.1/cb',
    'http://0x7f000001/cb',
    'http://127.0.0.1:0/cb',
    'http://127.0.0.1:65536/cb',
    'HTTP://127.0.0.1/cb',
    'https:app.example/cb',
    'https:/app.example/cb',
    'https:///app.example/cb',
    'https:\\\\app.example/cb',
    'https://app.example\\@evil.example/',
    'https://user@app.example/cb',
    'https://@app.example/cb',
    'https://app.example/cb#fragment',
    'https://app.example/cb#',
    'https://*.example/cb',
    'https://app.example/a/../cb',
    'https://app.example/%2e%2E/cb',
    'https://app.example/c b',
    'https://app.example/cb\t',
    'https://app.example/cb\r\nX: y',
    ' https://app.example/cb',
    'https://äpp.example/cb',
    '//app.example/cb',
    '/cb',
    'app.example/cb',
    '',
  ])('%j', (uri) => expect(isRedirectUri(uri)).toBe(false))

  test('a private scheme, for a client that has a secret', () => {
    const uris = ['https://app.example/cb', 'cursor://callback']
    expect(findRedirectFault(client(uris))).toContain('"cursor:" is a private scheme')
    expect(findRedirectFault(client(uris, PUBLIC))).toBeUndefined()
  })

  test('more than fifty', () => {
    const uris = Array.from({ length: 51 }, (_, index) => `https://app.example/${index}`)
    expect(findRedirectFault(client(uris))).toContain('at most 50')
    expect(findRedirectFault(client(uris.slice(1)))).toBeUndefined()
  })
})

describe('a request names a registered URI byte for byte', () => {
  const app = client(['https://app.example/cb', 'https://app.example/cb?a=b', 'https://app.example'])

  test.each(['https://app.example/cb', 'https://app.example/cb?a=b', 'https://app.example'])('%s', (uri) =>
    expect(isRegisteredRedirect(uri, app)).toBe(true),
  )

  test.each([
    'https://app.example/cb/',
    'https://app.example/cb?',
    'https://app.example/cb?a=b&c=d',
    'https://app.example/cb?c=d',
    'https://app.example/cb#',
    'https://app.example/cb#x',
    'https://app.example/CB',
    'https://APP.example/cb',
    'HTTPS://app.example/cb',
    'https://app.example:443/cb',
    'https://app.example:8443/cb',
    'https://app.example/./cb',
    'https://app.example/x/../cb',
    'https://app.example/%63b',
    'https://app.example/cb%00',
    'https://app.example//cb',
    'https://app.example\\cb',
    'https://app.example@evil.example/cb',
    'https://user@app.example/cb',
    'https://app.example.evil.example/cb',
    'https://evil.example/?https://app.example/cb',
    'http://app.example/cb',
    'https://app.example/cb\n',
    'https://app.example/',
    ' https://app.example/cb',
    '',
  ])('and not by %j', (uri) => expect(isRegisteredRedirect(uri, app)).toBe(false))
})

describe('the port of a loopback address is free', () => {
  test.each([
    ['http://127.0.0.1/cb', 'http://127.0.0.1:4711/cb'],
    ['http://127.0.0.1:33418/', 'http://127.0.0.1:1/'],
    ['http://127.0.0.1:33418/cb?a=b', 'http://127.0.0.1/cb?a=b'],
    ['http://[::1]/cb', 'http://[::1]:65535/cb'],
    ['http://127.0.0.1', 'http://127.0.0.1:4711'],
  ])('%s takes %s', (registered, sent) => {
    expect(isRegisteredRedirect(sent, client([registered]))).toBe(true)
    expect(isRegisteredRedirect(sent, client([registered], PUBLIC))).toBe(true)
  })

  test.each([
    ['http://127.0.0.1/cb', 'http://127.0.0.1:4711/other'],
    ['http://127.0.0.1/cb', 'http://[::1]:4711/cb'],
    ['http://127.0.0.1/cb', 'http://localhost:4711/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:4711@evil.example/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:0/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:99999/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:+80/cb'],
    ['http://127.0.0.1/cb', 'https://127.0.0.1:4711/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:4711/cb#x'],
    ['https://app.example/cb', 'https://app.example:4711/cb'],
    ['http://127.0.0.1', 'http://127.0.0.1:4711/'],
  ])('%s does not take %s', (registered, sent) =>
    expect(isRegisteredRedirect(sent, client([registered], PUBLIC))).toBe(false),
  )

  test('of localhost where a public client of the own machine registered it without a port', () => {
    const [registered, sent] = ['http://localhost/callback', 'http://localhost:4711/callback'] as const
    expect(isRegisteredRedirect(sent, client([registered], PUBLIC))).toBe(true)
    expect(isRegisteredRedirect(sent, client([registered], { ...PUBLIC, applicationType: 'native' }))).toBe(true)
    expect(isRegisteredRedirect(sent, client([registered], { ...PUBLIC, applicationType: 'web' }))).toBe(false)
    expect(isRegisteredRedirect(sent, client([registered]))).toBe(false)
    expect(isRegisteredRedirect(sent, client(['http://localhost:1/callback'], PUBLIC))).toBe(false)
  })

  test('a name below localhost has the port that was registered', () => {
    const registered = client(['http://app.localhost/callback'], PUBLIC)
    expect(isRegisteredRedirect('http://app.localhost/callback', registered)).toBe(true)
    expect(isRegisteredRedirect('http://app.localhost:4711/callback', registered)).toBe(false)
  })
})

test('the kind of application follows from the redirect URIs where the client does not say it', () => {
  expect(applicationTypeOf(client(['https://app.example/cb'], PUBLIC))).toBe('web')
  expect(applicationTypeOf(client(['http://localhost/cb']))).toBe('web')
  expect(applicationTypeOf(client(['https://app.example/cb', 'cursor://callback'], PUBLIC))).toBe('native')
  expect(applicationTypeOf(client(['http://localhost/cb'], PUBLIC))).toBe('native')
  expect(applicationTypeOf(client(['cursor://callback'], { ...PUBLIC, applicationType: 'web' }))).toBe('web')
})
