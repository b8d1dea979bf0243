/** Proxies that sign people in before a request reaches an app, each as its own program, configured by discovery. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../support/admin.ts'
import { BrowserLike } from '../support/browser-like.ts'
import { addClient, addUser, freshName } from '../support/codes.ts'
import { freePort, has, startForeign } from '../support/foreign-client.ts'
import { temporaryFolder, type TestIssuer } from '../support/issuer.ts'
import { browserAt, signInAt, storeOf } from '../support/people.ts'
import { startWithApi } from '../support/shared.ts'
import type { AdministeredIssuer } from '../support/admin.ts'

const env = { SIGNET_RATE_LIMIT_NETWORK: 'off' }

/** A browser of a person, at a proxy that stands before an app. */
class Visitor {
  readonly app: BrowserLike
  readonly issuer: BrowserLike
  readonly #username: string

  constructor(issuer: TestIssuer, appUrl: string, username: string) {
    this.app = new BrowserLike(appUrl)
    this.issuer = browserAt(issuer)
    this.#username = username
  }

  /** Opens a page of the app, signs in at the issuer, and comes back. */
  async signIn(path: string) {
    const begun = await this.app.get(path)
    expect(begun.isAway, begun.html.slice(0, 400)).toBe(true)
    const seen = await signInAt(this.issuer, begun.url.href, { username: this.#username })
    expect(seen.isAway, seen.html.slice(0, 400)).toBe(true)
    return this.app.get(seen.url.href)
  }

  /** Follows a sign-out of the app to the issuer, and back. */
  async signOut(path: string) {
    const begun = await this.app.get(path)
    expect(begun.isAway, begun.html.slice(0, 400)).toBe(true)
    return this.issuer.get(begun.url.href)
  }
}

async function person(issuer: AdministeredIssuer, groups: string[] = []) {
  return addUser(await storeOf(issuer), { groups })
}

const orWhy = (is: boolean): string => (is ? '' : ' (skipped: it is not here)')

// ------------------------------------------------------------------ oauth2-proxy

function findOauth2Proxy(): string | undefined {
  const inGo = (): string[] => {
    if (!has('go', 'version')) return []
    const [bin = '', path = ''] = execFileSync('go', ['env', 'GOBIN', 'GOPATH'], { encoding: 'utf8' }).split('\n')
    return [join(bin === '' ? join(path, 'bin') : bin, 'oauth2-proxy')]
  }
  return ['oauth2-proxy', ...inGo()].find((program) => has(program, '--version'))
}

const oauth2Proxy = findOauth2Proxy()

test.skipIf(oauth2Proxy === undefined)(
  `oauth2-proxy signs in, and lets in by group${orWhy(oauth2Proxy !== undefined)}`,
  async () => {
    const issuer = await startWithApi(env)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const client = await addClient(issuer, { redirect_uris: [`${url}/oauth2/callback`] })
    const group = freshName('staff')
    const args = [
      '--provider=oidc',
      `--oidc-issuer-url=${issuer.issuer}`,
      `--client-id=${client.clientId}`,
      `--client-secret=${client.secret}`,
      `--redirect-url=${url}/oauth2/callback`,
      `--http-address=127.0.0.1:${port}`,
      '--upstream=static://202',
      '--email-domain=*',
      `--cookie-secret=${'c'.repeat(32)}`,
      '--cookie-secure=false',
      '--skip-provider-button=true',
      '--code-challenge-method=S256',
      '--scope=openid email profile groups',
      `--allowed-group=${group}`,
    ]
    const proxy = await startForeign({ program: oauth2Proxy ?? '', args, env: {} }, `${url}/ping`)

    const member = await person(issuer, [group])
    const visitor = new Visitor(issuer, url, member.username)
    const inside = await visitor.signIn('/page')
    expect(inside.status, proxy.log()).toBe(202)
    const { html } = await visitor.app.get('/oauth2/userinfo')
    expect(JSON.parse(html)).toMatchObject({
      user: member.id,
      email: member.email,
      groups: [group],
      preferredUsername: member.username,
    })

    const other = new Visitor(issuer, url, (await person(issuer)).username)
    expect((await other.signIn('/page')).status, proxy.log()).toBe(403)
  },
)

// ------------------------------------------------------------------ mod_auth_openidc

const MODULES = '/usr/lib/apache2/modules'
const hasApache = has('apache2', '-v') && existsSync(join(MODULES, 'mod_auth_openidc.so'))

const apacheConfig = (folder: string, url: string, settings: Record<string, string>): string => {
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'headers', 'dir', 'auth_openidc']
  return [
    ...modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`),
    `ServerRoot ${folder}`,
    'ServerName localhost',
    `Listen 127.0.0.1:${new URL(url).port}`,
    `PidFile ${folder}/pid`,
    `ErrorLog ${folder}/error.log`,
    'LogLevel warn auth_openidc:warn',
    `DocumentRoot ${folder}/site`,
    'DirectoryIndex index.html',
    ...(process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : []),
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}"`),
    '<Location "/in">',
    'AuthType openid-connect',
    'Require valid-user',
    // The browser of the tests says of each request that a script sent it.
    'OIDCUnAuthAction auth true',
    'Header set X-User "expr=%{REMOTE_USER}"',
    'Header set X-Mail "%{OIDC_CLAIM_email}e"',
    'Header set X-Groups "%{OIDC_CLAIM_groups}e"',
    '</Location>',
  ].join('\n')
}

test.skipIf(!hasApache)(
  `mod_auth_openidc signs in and out, and hears of a sign-out elsewhere${orWhy(hasApache)}`,
  async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const issuer = await startWithApi({ ...env, SIGNET_OUTBOUND_ALLOW: `127.0.0.1:${port}` })
    const client = await addClient(issuer, {
      redirect_uris: [`${url}/in/callback`],
      post_logout_redirect_uris: [`${url}/bye`],
      backchannel_logout_uri: `${url}/in/callback?logout=backchannel`,
    })
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'site/in'), { recursive: true })
    writeFileSync(join(folder, 'site/in/index.html'), 'inside')
    const settings = {
      OIDCProviderMetadataURL: `${issuer.issuer}/.well-known/openid-configuration`,
      OIDCClientID: client.clientId,
      OIDCClientSecret: client.secret,
      OIDCRedirectURI: `${url}/in/callback`,
      OIDCCryptoPassphrase: 'p'.repeat(32),
      OIDCPKCEMethod: 'S256',
      OIDCScope: 'openid email groups profile',
      OIDCRemoteUserClaim: 'preferred_username',
      OIDCUserInfoTokenMethod: 'post_param',
      OIDCPassClaimsAs: 'environment',
    }
    writeFileSync(join(folder, 'apache.conf'), apacheConfig(folder, url, settings))
    const args = ['-D', 'FOREGROUND', '-f', join(folder, 'apache.conf')]
    await startForeign({ program: 'apache2', args, env: {} }, `${url}/`)

    const group = freshName('staff')
    const { username, email } = await person(issuer, [group])
    const visitor = new Visitor(issuer, url, username)
    const inside = await visitor.signIn('/in/')
    expect([inside.status, inside.text]).toEqual([200, 'inside'])
    const told = ['x-user', 'x-mail', 'x-groups'].map((name) => inside.headers.get(name))
    expect(told).toEqual([username, email, group])

    // Out by the app: at the issuer as well, and back.
    const out = await visitor.signOut(`/in/callback?logout=${encodeURIComponent(`${url}/bye`)}`)
    expect(out.url.href).toMatch(new RegExp(`^${url}/bye`))
    expect((await visitor.app.get('/in/')).isAway).toBe(true)
    expect(visitor.issuer.cookie('session')).toBeUndefined()

    // Out at the issuer: the app hears of it on the back channel.
    expect((await visitor.signIn('/in/')).status).toBe(200)
    const asked = await visitor.issuer.get('/logout')
    await visitor.issuer.submit(asked, {}, 'logout')
    await until(async () => (await visitor.app.get('/in/')).isAway)
  },
)
