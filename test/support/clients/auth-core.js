/** An app that signs people in with Auth.js (@auth/core), by discovery. See test/support/foreign-client.ts. */
import { createInterface } from 'node:readline'
import { Auth, skipCSRFCheck } from '@auth/core'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, CALLBACK, AUTH_METHOD } = process.env

const faults = []
const config = {
  trustHost: true,
  basePath: '/auth',
  secret: 's'.repeat(32),
  skipCSRFCheck,
  logger: { error: (error) => faults.push(String(error)), warn: () => {} },
  providers: [
    {
      id: 'signet',
      name: 'Signet',
      type: 'oidc',
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      client: { token_endpoint_auth_method: AUTH_METHOD },
      checks: ['pkce', 'state', 'nonce'],
    },
  ],
}

/** The browser's cookies for the app. */
const cookies = new Map()

async function ask(path, form) {
  const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
  const init = form ? { method: 'POST', body: new URLSearchParams(form) } : {}
  const answer = await Auth(new Request(new URL(path, CALLBACK), { ...init, headers: { cookie } }), config)
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    cookies.set(name, value)
  }
  return answer
}

const write = (value) => console.log(JSON.stringify(value))

const begun = await ask('/auth/signin/signet', {})
write({ url: begun.headers.get('location') })
for await (const line of createInterface(process.stdin)) {
  const { pathname, search } = new URL(line)
  await ask(pathname + search)
  write({ faults, session: await (await ask('/auth/session')).json() })
}
