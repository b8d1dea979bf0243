/** GET /: a person who opens the issuer in a browser is shown the way; a program gets the same addresses as JSON. */
import { hash } from 'node:crypto'
import { entityTag } from '../ground/entity-tag.ts'
import { answerOf, shapeOf, text, textOf } from '../ground/shape.ts'
import { prefers } from '../http/accept.ts'
import { READERS } from '../http/access.ts'
import { basePath, endpointUrl } from '../http/endpoint-url.ts'
import { escapeHtml } from '../http/escape-html.ts'
import { answerDocument, CACHED, type PublicDocument } from '../http/public-document.ts'
import { route, type Route } from '../http/route.ts'

/** Each address: its name in JSON, its path, and the words of the page. */
const ADDRESSES = [
  { name: 'account', path: '/account', label: 'Sign in', says: 'your account: password, passkeys, sessions' },
  { name: 'docs', path: '/docs', label: 'HTTP API', says: 'read it and try it out' },
  { name: 'openapi', path: '/openapi.json', label: 'OpenAPI', says: 'the same description for programs' },
  {
    name: 'openid_configuration',
    path: '/.well-known/openid-configuration',
    label: 'Metadata',
    says: 'what apps and APIs are set up with (OpenID Connect Discovery)',
  },
  {
    name: 'oauth_authorization_server',
    path: '/.well-known/oauth-authorization-server',
    label: 'Metadata of OAuth',
    says: 'the same in the form of RFC 8414',
  },
  { name: 'jwks', path: '/.well-known/jwks.json', label: 'Public keys', says: 'by which APIs verify tokens' },
  { name: 'health', path: '/readyz', label: 'Health', says: 'whether this server answers requests' },
] as const

/** The page begins with the way to the account, and lists all else. */
const LISTED = ADDRESSES.filter(({ name }) => name !== 'account')

/** Small, and of its own: the style sheet of pages is loaded for people alone, and this page is for whoever sets Signet up. */
const STYLE = `:root{color-scheme:light dark;--page:#f3f2ee;--card:#fff;--ink:#1a1c20;--soft:#575c66;--line:#e0dfda;--accent:#0a6c5c;--on:#fff}
@media (prefers-color-scheme:dark){:root{--page:#101215;--card:#191c21;--ink:#eceef1;--soft:#a5acb8;--line:#2d323a;--accent:#5cc4b0;--on:#101215}}
body{margin:0;padding:3rem 1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);overflow-wrap:anywhere}
main{max-width:36rem;margin:0 auto}
h1{margin:0;font-size:1.75rem;line-height:1.25}
.soft,dd{color:var(--soft)}
a{color:var(--accent)}
a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.way{margin:1.5rem 0}
.way a{display:inline-block;padding:.625rem 1.25rem;border-radius:.75rem;background:var(--accent);color:var(--on);font-weight:600;text-decoration:none}
.way a:hover{text-decoration:underline}
dl{margin:0;border:1px solid var(--line);border-radius:1.125rem;background:var(--card)}
dl>div{padding:.75rem 1.25rem}
dl>div+div{border-top:1px solid var(--line)}
dt{font-weight:600}
dt a{display:inline-block;min-height:1.5rem}
dd{margin:0;font-size:.9375rem}`

const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PAGE_HEADERS = ['Vary', 'Accept', 'Content-Security-Policy', POLICY, 'Referrer-Policy', 'no-referrer']

/** @param issuer written as HTML: a configured URL may hold `&` and quotes */
const pageOf = (issuer: string, urlOf: (path: string) => string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signet</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Signet</h1>
<p class="soft">This server issues tokens and signs people in, for apps and APIs that trust <code>${issuer}</code>.</p>
<p class="way"><a href="${urlOf('/account')}">Sign in to your account</a></p>
<dl>
${LISTED.map(({ path, label, says }) => `<div><dt><a href="${urlOf(path)}">${label}</a></dt><dd>${says}</dd></div>`).join('\n')}
</dl>
</main>
</body>
</html>
`

const frontOf = (issuer: string): Record<string, string> => ({
  name: 'Signet',
  issuer,
  ...Object.fromEntries(ADDRESSES.map(({ name, path }) => [name, endpointUrl(issuer, path)])),
})

const documentOf = (body: string): PublicDocument => ({ body, etag: entityTag(body) })

/** Links of the page lead to the server at which it was opened; those of the JSON are the public ones. */
export function front({ issuer }: { issuer: string }): Route {
  const page = documentOf(pageOf(escapeHtml(issuer), (path) => escapeHtml(basePath(issuer) + path)))
  const list = documentOf(JSON.stringify(frontOf(issuer)))
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
    (call) => {
      const isBrowser = prefers(call.header('accept'), 'text/html', 'application/json')
      const terms = isBrowser
        ? { type: 'text/html; charset=utf-8', headers: PAGE_HEADERS }
        : { headers: ['Vary', 'Accept'] }
      return answerDocument(call, isBrowser ? page : list, { cacheControl: 'public, no-cache', ...terms })
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
