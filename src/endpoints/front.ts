/** GET /: a person who opens the issuer in a browser is shown the way; a program gets the same addresses as JSON. */
import { entityTag } from '../ground/entity-tag.ts'
import { loadedOnce } from '../ground/on-demand.ts'
import { answerOf, shapeOf, text, textOf } from '../ground/shape.ts'
import { prefers } from '../http/accept.ts'
import { READERS } from '../http/access.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { answerDocument, CACHED } from '../http/public-document.ts'
import { route, type Route } from '../http/route.ts'
import type { FrameNeeds } from '../pages/frame-needs.ts'

/** Each address: its name in JSON, its path, and what it is for. */
const ADDRESSES = [
  { name: 'account', path: '/account', says: 'the account of a person: password, passkeys, sessions' },
  { name: 'docs', path: '/docs', says: 'the HTTP API, to read and to try out' },
  { name: 'openapi', path: '/openapi.json', says: 'the same description for programs' },
  {
    name: 'openid_configuration',
    path: '/.well-known/openid-configuration',
    says: 'what apps and APIs are set up with (OpenID Connect Discovery)',
  },
  {
    name: 'oauth_authorization_server',
    path: '/.well-known/oauth-authorization-server',
    says: 'the same in the form of RFC 8414',
  },
  { name: 'jwks', path: '/.well-known/jwks.json', says: 'the public keys by which APIs verify tokens' },
  { name: 'health', path: '/readyz', says: 'whether this server answers requests' },
] as const

/** The page begins with the way to the account, and lists all else. */
const LISTED = ADDRESSES.filter((each) => each.name !== 'account')

const frontOf = (issuer: string): Record<string, string> => ({
  name: 'Signet',
  issuer,
  ...Object.fromEntries(ADDRESSES.map(({ name, path }) => [name, endpointUrl(issuer, path)])),
})

/** Links of the page lead to the server at which it was opened; those of the JSON are the public ones. */
export function front(needs: FrameNeeds): Route {
  const body = JSON.stringify(frontOf(needs.issuer))
  const list = { body, etag: entityTag(body) }
  // Pages are loaded for people alone.
  const open = loadedOnce(() => import('../pages/front.ts'))
  const answers = {
    says: 'Where everything is: a page where `Accept` names `text/html`, else JSON.',
    content: { ...answerOf('', FRONT).content, ...textOf('', 'text/html').content },
    headers: CACHED,
  }
  return route(
    {
      get: '/',
      access: READERS,
      id: 'readFront',
      tag: 'Operation',
      says: 'Where everything is',
      answers: { 200: answers },
    },
    async (call) => {
      if (prefers(call.header('accept'), 'text/html', 'application/json'))
        return (await open()).showFront(call, needs, LISTED)
      return answerDocument(call, list, { cacheControl: 'public, no-cache', headers: ['Vary', 'Accept'] })
    },
  )
}

const FRONT = shapeOf(
  'Front',
  {
    name: text('Signet.'),
    issuer: text('The exact `iss` of every token.'),
    ...Object.fromEntries(ADDRESSES.map(({ name, says }) => [name, text(says)])),
  },
  frontOf('https://auth.example.com'),
)
