/** The headers of every page of both origins: no inline code, nothing from other origins, and frames only where allowed. */
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Hono, type Context } from 'hono'

export interface SitePolicy {
  /** The origins that may show this site in a frame; none where left out. */
  framedBy?: string
  /** The origins that this site shows in frames; none where left out. */
  frames?: string
}

const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css' }

/** A site with its headers, and the scripts of `pages/`. */
export function createSite({ framedBy = "'none'", frames = "'none'" }: SitePolicy): Hono {
  const policy = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'connect-src': "'self'",
    'frame-src': frames,
    'frame-ancestors': framedBy,
    'form-action': "'self'",
    'base-uri': "'none'",
  }
  const csp = Object.entries(policy)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')
  const site = new Hono()
  site.use(async (c, next) => {
    await next()
    c.header('Content-Security-Policy', csp)
    c.header('Referrer-Policy', 'no-referrer')
    c.header('X-Content-Type-Options', 'nosniff')
    c.header('Cache-Control', 'no-store')
  })
  const scripts = new Map(['app.js', 'portal.js', 'page.css'].map((file) => [file, readPage(file)] as const)).set(
    'signet-verify.js',
    readHelper(),
  )
  site.get('/pages/:file', (c) => {
    const file = c.req.param('file')
    const text = scripts.get(file)
    if (text === undefined) return c.notFound()
    return c.body(text, 200, { 'content-type': `${TYPES[file.split('.').at(-1) ?? '']}; charset=utf-8` })
  })
  return site
}

const readPage = (file: string): string => readFileSync(new URL(`pages/${file}`, import.meta.url), 'utf8')

/** The package's helper for browsers, which needs nothing else. A bundler would put it into the page's script. */
function readHelper(): string {
  const file = fileURLToPath(import.meta.resolve('signet-verify/browser'))
  const text = readFileSync(file, 'utf8')
  return file.endsWith('.ts') ? stripTypeScriptTypes(text) : text
}

/** Sends a page of `pages/`, in which `{{name}}` stands for a value. The values come from this server alone. */
export function answerPage(c: Context, file: string, values: Record<string, string>): Response | Promise<Response> {
  return c.html(readPage(file).replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? ''))
}
