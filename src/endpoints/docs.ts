/**
 * GET /docs: the description as a page, by Swagger UI from our own files. The page loads nothing from other servers and
 * has no inline script, and its policy forbids both. The files are read at the first request for the page.
 */
import { readFile } from 'node:fs/promises'
import { entityTag } from '../ground/entity-tag.ts'
import { notFound } from '../ground/errors.ts'
import { loadedOnce } from '../ground/on-demand.ts'
import { header, textOf } from '../ground/shape.ts'
import { READERS } from '../http/access.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { escapeHtml } from '../http/escape-html.ts'
import type { Reply } from '../http/reply.ts'
import { answerDocument, CACHED } from '../http/public-document.ts'
import { route, type Call, type Route } from '../http/route.ts'
import { hasDemo, type DemoNeeds } from './demo-token.ts'

/** @param url `file:` */
const ofPackage = (url: string): Promise<string> => readFile(new URL(url), 'utf8')

const CSS = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

/** The files of the page: from the package, or our own. */
const FILES = new Map([
  ['swagger-ui.css', { type: CSS, read: () => ofPackage(import.meta.resolve('swagger-ui-dist/swagger-ui.css')) }],
  [
    'swagger-ui-bundle.js',
    { type: SCRIPT, read: () => ofPackage(import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js')) },
  ],
  ['start.js', { type: SCRIPT, read: () => ofPackage(new URL('./docs-start.js', import.meta.url).href) }],
  ['page.css', { type: CSS, read: async () => STYLE }],
])

const STYLE = `body { margin: 0; font-family: system-ui, sans-serif; }
header { display: flex; gap: 1rem; align-items: baseline; padding: 1rem 20px; border-bottom: 1px solid #ccc; }
header h1 { margin: 0; font-size: 1.25rem; }
aside { margin: 1rem 20px 0; padding: 0.75rem 1rem; max-width: 60rem; border-left: 4px solid #0a6c5c; background: #f4f7f6; line-height: 1.5; }
aside p { margin: 0; }
aside code { overflow-wrap: anywhere; }
#elsewhere { border-color: #b3261e; background: #fdf3f2; }
.dark-mode body { color: #e4e6e6; }
.dark-mode header { border-color: #4a5054; }
.dark-mode a { color: #7fd1c0; }
.dark-mode aside { border-color: #5cc4b0; background: #24302e; }
.dark-mode #elsewhere { border-color: #ffb4ab; background: #3a1b19; }
`

interface PageTerms {
  issuer: string
  /** Whether the demo client gives this page a token. */
  hasDemo: boolean
  /** The address of a file. */
  at(name: string): string
}

/** `?v=` is the entity tag of the file. A changed file has another address, so caches may keep each for good. */
const pageOf = ({ issuer, hasDemo: isDemo, at }: PageTerms): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signet: HTTP API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${at('swagger-ui.css')}">
<link rel="stylesheet" href="${at('page.css')}">
<script src="${at('swagger-ui-bundle.js')}" defer></script>
<script src="${at('start.js')}" type="module"></script>
</head>
<body data-issuer="${escapeHtml(issuer)}"${isDemo ? ' data-demo' : ''}>
<header><h1>Signet: HTTP API</h1><a href="openapi.json">openapi.json</a></header>
<aside id="elsewhere" hidden><p><strong>This page is open at <code class="here"></code>, and the issuer is at another address.</strong>
Requests from this page go to the issuer, and the browser blocks them. Open <a href="${docsOf(issuer)}">${docsOf(issuer)}</a> to try something out.</p></aside>
<aside id="demo" hidden><p>A token of client <code>demo</code> for the resource <code>demo-api</code>: <code class="token"></code></p>
<p>It is filled in at <code>/introspect</code> and <code>/revoke</code>. Both need the client itself: choose Authorize, <code>client_secret_basic</code>,
with <code>demo</code> and its secret, which the first start printed. A new secret: <code>signet client rotate-secret demo</code></p></aside>
<aside><p><strong>Authorize:</strong> clients use <code>client_secret_basic</code> (<code>/token</code>, <code>/refresh</code>, <code>/introspect</code>, <code>/revoke</code>).
Administration and <code>/blacklist</code> take <code>bearer</code>, or <code>oauth2</code> where a client has the scope; an operator makes such a token with
<code>signet token mint --sub me --resource ${escapeHtml(issuer)} --scope signet:admin</code>. <code>access_token</code> is for <code>/userinfo</code>,
<code>metrics_token</code> for <code>/metrics</code>.</p></aside>
<main id="description"><noscript>This page needs JavaScript; the description itself is openapi.json.</noscript></main>
</body>
</html>
`

const docsOf = (issuer: string): string => escapeHtml(endpointUrl(issuer, '/docs'))

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = [
  'Content-Security-Policy',
  POLICY,
  'Referrer-Policy',
  'no-referrer',
  'Cross-Origin-Opener-Policy',
  'same-origin',
]

interface PageFile {
  type: string
  body: string
  etag: string
}

/** The page, and the files below it. */
export function docs(needs: DemoNeeds): Route[] {
  const open = loadedOnce(openFiles)
  return [page(needs, open), pageFile(open)]
}

const KEPT = { ...CACHED, 'Content-Security-Policy': header('What the page may load and do.') }

const page = (needs: DemoNeeds, open: () => Promise<Map<string, PageFile>>): Route =>
  route(
    {
      get: '/docs',
      access: READERS,
      id: 'readDocs',
      tag: 'Operation',
      says: 'This description as a page, to read and to try out',
      answers: { 200: { ...textOf('The page.', 'text/html'), headers: KEPT } },
    },
    async (call) => {
      const files = await open()
      const at = (name: string) => `docs/${name}?v=${versionOf(files.get(name))}`
      const body = pageOf({ issuer: needs.issuer, hasDemo: await hasDemo(needs), at })
      return answerFile(call, { type: 'text/html; charset=utf-8', body, etag: entityTag(body) }, 'public, no-cache')
    },
  )

const pageFile = (open: () => Promise<Map<string, PageFile>>): Route =>
  route(
    {
      get: '/docs/:file',
      access: READERS,
      id: 'readDocsFile',
      tag: 'Operation',
      says: 'A file of that page',
      params: { file: { says: 'Its name', example: 'swagger-ui.css' } },
      query: { v: { says: 'The version of the file, as the page names it: then it may be kept for good.' } },
      answers: { 200: { ...textOf('The file.', 'text/css', 'text/javascript'), headers: KEPT } },
      refuses: [404],
    },
    async (call) => {
      const found = (await open()).get(call.params.file)
      if (!found) throw notFound('this file')
      const isExact = call.query.v === versionOf(found)
      return answerFile(call, found, isExact ? 'public, max-age=31536000, immutable' : 'public, no-cache')
    },
  )

const answerFile = (call: Pick<Call, 'header'>, file: PageFile, cacheControl: string): Reply =>
  answerDocument(call, file, { cacheControl, type: file.type, headers: HEADERS })

/** An entity tag without its quotes. */
const versionOf = (file: PageFile | undefined): string => file?.etag.slice(1, -1) ?? ''

async function openFiles(): Promise<Map<string, PageFile>> {
  const opening = [...FILES].map(async ([name, { type, read }]): Promise<[string, PageFile]> => {
    const body = await read()
    return [name, { type, body, etag: entityTag(body) }]
  })
  return new Map(await Promise.all(opening))
}
