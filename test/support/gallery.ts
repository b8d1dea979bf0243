/** Every template of pages with values, and a server that shows them under the headers of real pages. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { showFile } from '../../src/pages/files.ts'
import type { PageSettings } from '../../src/pages/frame-needs.ts'
import { newFrame, type ClientView, type Frame } from '../../src/pages/frame.ts'
import type { PageBody } from '../../src/pages/layout.ts'
import { show } from '../../src/pages/show.ts'
import { activityPage, appsPage, sessionsPage } from '../../src/pages/templates/access.ts'
import { consentPage } from '../../src/pages/templates/consent.ts'
import { enrolPage } from '../../src/pages/templates/enrol.ts'
import { errorPage, mismatchPage, notAllowedPage } from '../../src/pages/templates/errors.ts'
import { passkeysPage, twoFactorPage } from '../../src/pages/templates/factors.ts'
import { frontPage } from '../../src/pages/templates/front.ts'
import { formPostPage } from '../../src/pages/templates/form-post.ts'
import { logoutPage, signedOutPage } from '../../src/pages/templates/leave.ts'
import { linkPage } from '../../src/pages/templates/link.ts'
import { loginPage } from '../../src/pages/templates/login.ts'
import { mustChangePage } from '../../src/pages/templates/must-change.ts'
import { overviewPage } from '../../src/pages/templates/overview.ts'
import { passwordPage } from '../../src/pages/templates/password.ts'
import { profilePage } from '../../src/pages/templates/profile.ts'
import { recoveryPage, secondPage } from '../../src/pages/templates/second.ts'
import { signupPage } from '../../src/pages/templates/signup.ts'
import type { AccountPageView } from '../../src/pages/account-views.ts'
import type { ErrorView } from '../../src/pages/views.ts'

/** The values that strangers choose. */
export interface Values {
  client: ClientView
  username: string
  name: string
  email: string
  text: string
  host: string
  uri: string
}

export const ORDINARY: Values = {
  client: { name: 'Grafana' },
  username: 'ada',
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  text: 'MacBook of Ada',
  host: 'grafana.example.com',
  uri: 'https://grafana.example.com/login/generic_oauth',
}

const MEAN = `"><script>alert(1)</script>'&lt;\u202Eevil\`\${7*7} onload=x `

export const HOSTILE: Values = {
  client: { name: MEAN },
  username: MEAN,
  name: `${MEAN}${'W'.repeat(300)}`,
  email: `${MEAN}@example.com`,
  text: MEAN,
  host: `evil.example/${MEAN}`,
  uri: `https://evil.example/${MEAN}`,
}

const NOW = Date.UTC(2026, 10, 28, 17, 54)
const HOUR = 3_600_000
const DAY = 24 * HOUR

/** No code that a reader reads, and of the shape of one. */
const QR = Array.from({ length: 33 }, (_, y) =>
  Array.from({ length: 33 }, (__, x) => {
    const corner = [x, y].map((each) => Math.min(each, 32 - each)) as [number, number]
    const isCorner = corner[0] < 7 && corner[1] < 7 && !(x > 25 && y > 25)
    if (isCorner) {
      const ring = Math.max(Math.abs(3 - corner[0]), Math.abs(3 - corner[1]))
      return ring !== 2
    }
    if (corner[0] < 8 && corner[1] < 8 && !(x > 25 && y > 25)) return false
    return (x * 7919 + y * 104_729 + x * y * 31) % 7 < 3
  }),
)

const CODES = [
  'k7m2p-9xqrt',
  'h3wvd-n5jzc',
  'b8fgy-t2krm',
  'x4qpn-7dhsv',
  'c9jtw-m3zbf',
  'r6yhk-v8gqd',
  'n2xcp-w5tmj',
  'f7zdr-k4bhy',
  'q3gvs-j9nwx',
  't5mkb-d6rfc',
]

const UA = {
  mac: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15',
  phone:
    'Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36',
  windows: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:158.0) Gecko/20100101 Firefox/158.0',
}

export type Picture = (frame: Frame, values: Values) => PageBody

const shell = ({ username, name, email }: Values): AccountPageView => ({
  account: { username, name, email },
  now: NOW,
  zone: 'Europe/Berlin',
})
const totp = ({ username }: Values) => ({
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: `otpauth://totp/Signet:${encodeURIComponent(username)}?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Signet`,
  qr: QR,
})
const error =
  (code: ErrorView['code'], more: Partial<ErrorView> = {}): Picture =>
  (frame) =>
    errorPage(frame, { code, ...more })

export const formPost: Picture = (frame, { client, text }) =>
  formPostPage(frame, {
    action: 'https://grafana.example.com/callback',
    client: client.name,
    values: [
      ['code', text],
      ['state', text],
    ],
  })

/** By name. */
export const PICTURES: Record<string, Picture> = {
  front: (frame) =>
    frontPage(frame, {
      issuer: 'https://auth.example.com',
      addresses: (['docs', 'openapi', 'openid_configuration', 'jwks', 'health'] as const).map((name) => ({
        name,
        path: `/${name}`,
      })),
    }),
  login: (frame) => loginPage(frame, { hasPassword: true, hasPasskey: true, signUpAt: '/signup' }),
  'login-plain': (frame) => loginPage({ ...frame, client: undefined }, { hasPassword: true, hasPasskey: false }),
  'login-wrong': (frame, { username }) =>
    loginPage(frame, {
      hasPassword: true,
      hasPasskey: true,
      username,
      isRemembered: true,
      error: { code: 'invalid_credentials' },
    }),
  'login-wait': (frame, { username }) =>
    loginPage(frame, {
      hasPassword: true,
      hasPasskey: true,
      username,
      error: { code: 'too_many_attempts', retryAfterSeconds: 16 },
    }),
  'login-passkey': (frame) => loginPage(frame, { hasPassword: false, hasPasskey: true }),
  'login-choose': (frame, { username, name, email }) =>
    loginPage(frame, { hasPassword: true, hasPasskey: true, account: { username, name, email } }),
  'login-confirm': (frame, { username }) =>
    loginPage({ ...frame, client: undefined }, { hasPassword: true, hasPasskey: true, username, isConfirming: true }),
  second: (frame, { username, name, email }) =>
    secondPage(frame, { hasTotp: true, hasPasskey: true, hasRecovery: true, account: { username, name, email } }),
  'second-wrong': (frame) =>
    secondPage(frame, { hasTotp: true, hasPasskey: false, hasRecovery: true, error: { code: 'invalid_code' } }),
  recovery: (frame) => recoveryPage(frame, {}),
  'recovery-wrong': (frame) => recoveryPage(frame, { error: { code: 'invalid_code', field: 'code' } }),
  enrol: (frame) => enrolPage(frame, { canPasskey: true, canTotp: true }),
  'enrol-totp': (frame, values) => enrolPage(frame, { canPasskey: true, canTotp: true, totp: totp(values) }),
  'enrol-codes': (frame) => enrolPage(frame, { canPasskey: true, canTotp: true, recoveryCodes: CODES }),
  'enrol-set-up': (frame) => enrolPage(frame, { canPasskey: false, canTotp: false, isSetUp: true }),
  'must-change': (frame, { username }) => mustChangePage(frame, { username, leastCharacters: 12 }),
  'must-change-weak': (frame, { username }) =>
    mustChangePage(frame, { username, leastCharacters: 12, error: { code: 'weak_password' } }),
  link: (frame, { username, name, email, text }) =>
    linkPage(frame, { account: { username, name, email }, token: text }),
  signup: (frame) =>
    signupPage(frame, { kind: 'signup', hasPassword: true, hasPasskey: true, leastCharacters: 12, signInAt: '/login' }),
  'signup-taken': (frame, { username, name, email }) =>
    signupPage(frame, {
      kind: 'signup',
      username,
      name,
      email,
      hasPassword: true,
      hasPasskey: false,
      leastCharacters: 12,
      error: { code: 'username_taken', field: 'username' },
    }),
  invite: (frame, { email, text }) =>
    signupPage(frame, {
      kind: 'invite',
      token: text,
      email,
      isEmailFixed: true,
      hasPassword: true,
      hasPasskey: true,
      leastCharacters: 12,
      isForOperator: true,
    }),
  'invite-named': (frame, { username, name, email, text }) =>
    signupPage(frame, {
      kind: 'invite',
      token: text,
      username,
      name,
      email,
      isUsernameFixed: true,
      isEmailFixed: true,
      hasPassword: true,
      hasPasskey: true,
      leastCharacters: 12,
    }),
  consent: (frame, { client, username, name, email, host, text }) =>
    consentPage(frame, {
      shown: '',
      client: client.name,
      account: { username, name, email },
      redirectHost: host,
      scopes: ['openid', 'profile', 'email', 'offline_access'].map((scope) => ({ scope })),
      resources: [
        {
          name: 'https://orders.example.com',
          scopes: [{ scope: 'orders:read' }, { scope: 'orders:write', says: text }],
        },
      ],
      policyUrl: 'https://app.example/privacy',
      termsUrl: 'https://app.example/terms',
    }),
  'consent-local': (frame, { username, name, email }) =>
    consentPage(frame, {
      shown: '',
      client: 'Claude Code',
      account: { username, name, email },
      redirectHost: 'localhost',
      isLocalhostOnly: true,
      scopes: [{ scope: 'openid' }, { scope: 'groups' }],
      resources: [],
    }),
  'signed-out': (frame) => signedOutPage(frame),
  logout: (frame, { username, name, email, text }) =>
    logoutPage(frame, { account: { username, name, email }, hidden: { state: text } }),
  // Without its script, which would send the form.
  'form-post': (frame, values) => {
    const { inlineScript: _, ...page } = formPost(frame, values)
    return page
  },
  'not-allowed': (frame, { client, username, name, email }) =>
    notAllowedPage(frame, { client: client.name, account: { username, name, email } }),
  mismatch: (frame, { client, uri }) =>
    mismatchPage(frame, { client: client.name, redirectUri: uri, action: '/authorize/redirect-uri' }),
  'error-unknown-client': error('unknown_client'),
  'error-wait': error('too_many_attempts', { retryAfterSeconds: 150 }),
  'error-back': error('expired', { back: 'https://grafana.example.com/' }),
  'error-finished': (frame, { client, uri }) =>
    errorPage(frame, { code: 'expired', finished: { app: { name: client.name, address: uri } } }),
  'error-stale': error('csrf', { again: '/account/profile' }),
  'error-not-found': error('not_found'),
  'error-link-used': error('link_used'),
  'error-server': error('server_error'),
  account: (frame, values) =>
    overviewPage(frame, {
      ...shell(values),
      hasPassword: true,
      passwordChangedAt: NOW - 40 * DAY,
      passkeys: 2,
      hasTotp: true,
      recoveryCodes: 9,
      sessions: 3,
      apps: 4,
      lastLoginAt: NOW - 2 * HOUR,
      groups: ['engineering', 'on-call', 'signet-admins'],
    }),
  'account-new': (frame, values) =>
    overviewPage(frame, {
      ...shell(values),
      hasPassword: true,
      passwordChangedAt: null,
      passkeys: 0,
      hasTotp: false,
      recoveryCodes: 0,
      sessions: 1,
      apps: 0,
      lastLoginAt: null,
      groups: [],
    }),
  profile: (frame, values) =>
    profilePage(frame, {
      ...shell(values),
      notice: 'saved',
      id: '019ad2f0-7c1e-7b7a-9a64-2f6d1c0e8b51',
      isEmailVerified: true,
      values: {
        name: values.name,
        given_name: 'Ada',
        family_name: 'Lovelace',
        nickname: '',
        locale: 'en',
        zoneinfo: 'Europe/London',
      },
    }),
  'profile-wrong': (frame, values) =>
    profilePage(frame, {
      ...shell(values),
      error: { code: 'bad_zone', field: 'zoneinfo' },
      id: '019ad2f0-7c1e-7b7a-9a64-2f6d1c0e8b51',
      isEmailVerified: false,
      values: {
        name: values.name,
        given_name: values.text,
        family_name: '',
        nickname: '',
        locale: values.text,
        zoneinfo: values.text,
      },
    }),
  password: (frame, values) => passwordPage(frame, { ...shell(values), hasPassword: true, leastCharacters: 12 }),
  'password-none': (frame, values) =>
    passwordPage(frame, { ...shell(values), hasPassword: false, leastCharacters: 12 }),
  'password-weak': (frame, values) =>
    passwordPage(frame, { ...shell(values), hasPassword: true, leastCharacters: 12, error: { code: 'weak_password' } }),
  passkeys: (frame, values) =>
    passkeysPage(frame, {
      ...shell(values),
      passkeys: [
        { id: 'a', name: 'iCloud Keychain', isBackedUp: true, createdAt: NOW - 90 * DAY, lastUsedAt: NOW - 2 * HOUR },
        { id: 'b', name: values.text, isBackedUp: false, createdAt: NOW - 3 * DAY, lastUsedAt: null },
      ],
    }),
  'passkeys-none': (frame, values) => passkeysPage(frame, { ...shell(values), passkeys: [] }),
  'two-factor-off': (frame, values) =>
    twoFactorPage(frame, { ...shell(values), isOn: false, isRequired: false, recoveryCodesLeft: 0 }),
  'two-factor-off-here': (frame, values) =>
    twoFactorPage(frame, { ...shell(values), isOn: true, isOffHere: true, isRequired: false, recoveryCodesLeft: 0 }),
  'two-factor-on': (frame, values) =>
    twoFactorPage(frame, {
      ...shell(values),
      notice: 'totp_enabled',
      isOn: true,
      isRequired: false,
      recoveryCodesLeft: 9,
    }),
  'two-factor-setup': (frame, values) =>
    twoFactorPage(frame, {
      ...shell(values),
      isOn: false,
      isRequired: false,
      recoveryCodesLeft: 0,
      totp: totp(values),
      error: { code: 'invalid_code' },
    }),
  'two-factor-codes': (frame, values) =>
    twoFactorPage(frame, {
      ...shell(values),
      isOn: true,
      isRequired: true,
      recoveryCodesLeft: 10,
      recoveryCodes: CODES,
    }),
  sessions: (frame, values) =>
    sessionsPage(frame, {
      ...shell(values),
      sessions: [
        {
          id: '1',
          isCurrent: true,
          userAgent: UA.mac,
          address: '203.0.113.7',
          createdAt: NOW - 5 * DAY,
          lastSeenAt: NOW,
          apps: ['Grafana', 'Gitea', values.client.name],
        },
        {
          id: '2',
          isCurrent: false,
          userAgent: UA.phone,
          address: '2001:db8:4a:9::/64',
          createdAt: NOW - 20 * DAY,
          lastSeenAt: NOW - 3 * HOUR,
          apps: ['Immich'],
        },
        {
          id: '3',
          isCurrent: false,
          userAgent: values.text,
          address: '198.51.100.23',
          createdAt: NOW - 2 * DAY,
          lastSeenAt: NOW - DAY,
          apps: [],
        },
      ],
    }),
  apps: (frame, values) =>
    appsPage(frame, {
      ...shell(values),
      apps: [
        {
          clientId: 'grafana',
          name: values.client.name,
          since: NOW - 30 * DAY,
          scopes: ['openid', 'profile', 'email', 'groups'].map((scope) => ({ scope })),
        },
        {
          clientId: 'assistant',
          name: 'Assistant',
          since: NOW - HOUR,
          scopes: [{ scope: 'openid' }, { scope: 'orders:write', says: values.text }],
        },
      ],
    }),
  'apps-none': (frame, values) => appsPage(frame, { ...shell(values), apps: [] }),
  activity: (frame, values) =>
    activityPage(frame, {
      ...shell(values),
      older: '/account/activity?before=7',
      events: [
        {
          id: '9',
          at: NOW - 60_000,
          action: 'session.created',
          actorKind: 'user',
          userAgent: UA.mac,
          address: '203.0.113.7',
          app: values.client.name,
        },
        {
          id: '8',
          at: NOW - 3 * HOUR,
          action: 'passkey.added',
          actorKind: 'user',
          userAgent: values.text,
          address: '2001:db8:4a:9::/64',
        },
        { id: '7', at: NOW - DAY, action: 'sign_in.guessed', actorKind: 'system' },
        { id: '6', at: NOW - 12 * DAY, action: 'user.updated', actorKind: 'cli' },
        { id: '5', at: NOW - 40 * DAY, action: 'user.of_a_later_version', actorKind: 'system' },
      ],
    }),
}

/** The frame that a browser would be given. */
export function frameFor(
  values: Values,
  { locale = 'en', settings = {} }: { locale?: string; settings?: PageSettings } = {},
): Frame {
  const asked = {
    facts: { request_id: 'd8c2a4f6-0b1e-4c3d-9e5f-7a8b9c0d1e2f' },
    header: (name: string) => (name === 'accept-language' ? locale : undefined),
  }
  const config = { logLevel: 'info', ...settings }
  return newFrame(
    asked,
    { issuer: 'http://localhost:3000', config },
    { secret: 'a secret', tx: 'a-transaction', client: values.client },
  )
}

/** A server that shows each picture at `/NAME?locale=…&hostile`, with `&name=` of the person and `&brand=`. */
export async function startGallery(settings: PageSettings = {}): Promise<{ url: string; stop(): void }> {
  const config = { logLevel: 'info', ...settings }
  const needs = { issuer: 'http://localhost:3000', config }
  const files = showFile(needs)
  const server = createServer((incoming, outgoing) => {
    // The script of passkeys asks for a challenge, and waits.
    if (incoming.method === 'POST') return
    const url = new URL(incoming.url ?? '', 'http://localhost')
    const name = url.pathname.slice(1)
    const answer = async () => {
      if (name.startsWith('pages/')) {
        const sent = { get: () => url.searchParams.get('v') ?? undefined }
        // The handler of files reads no other part of a call.
        return files({ params: { file: name.slice(6) }, sent, header: () => undefined } as never)
      }
      const chosen = url.searchParams.has('hostile') ? HOSTILE : ORDINARY
      const values = { ...chosen, name: url.searchParams.get('name') ?? chosen.name }
      const brandName = url.searchParams.get('brand') ?? config.brandName
      const frame = newFrame(
        {
          facts: { request_id: 'd8c2a4f6-0b1e-4c3d-9e5f-7a8b9c0d1e2f' },
          header: () => url.searchParams.get('locale') ?? 'en',
        },
        { ...needs, config: { ...config, ...(brandName !== undefined && { brandName }) } },
        { secret: 'a secret', tx: 'a-transaction', client: values.client },
      )
      const picture = PICTURES[name]
      return picture ? show(frame, picture(frame, values)) : { status: 404, headers: [], body: '' }
    }
    void answer().then((reply: any) => outgoing.writeHead(reply.status, [...reply.headers]).end(reply.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on a port
  return { url: `http://localhost:${port}`, stop: () => server.close().closeAllConnections() }
}
