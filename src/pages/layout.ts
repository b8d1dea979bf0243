/** The document around every page: title, style sheet, scripts, `<main>`, and a footer of at most three links. */
import { html, raw } from 'hono/html'
import type { Frame } from './frame.ts'
import type { Markup, PageTerms } from './html.ts'

/** `data-page` of a page. */
export type PageName =
  | 'front'
  | 'login'
  | 'second'
  | 'recovery'
  | 'enrol'
  | 'must-change'
  | 'link'
  | 'signup'
  | 'invite'
  | 'consent'
  | 'account'
  | 'signed-out'
  | 'logout'
  | 'error'
  | 'form-post'

/** A page without its frame, as a template makes it. */
export interface PageBody {
  name: PageName
  /** The brand is put behind it. */
  title: string
  body: Markup
  /** The script files that it needs beside `page.js`. */
  usesPasskeys?: boolean
  /** A script of the page's own, with the nonce of the frame. */
  inlineScript?: string
  /** See `PageTerms`. Without it, forms may lead to the client of the frame, and without a client to us alone. */
  formsLeadTo?: PageTerms['formsLeadTo']
}

export function layout(frame: Frame, page: PageBody): Markup {
  const { texts, lang, brand, nonce, csrf = '', tx = '' } = frame
  return html`<!doctype html>
    <html lang="${lang}" dir="ltr">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${page.title} &ndash; ${brand.name}</title>
        <link rel="icon" href="${frame.file('icon.svg')}" type="image/svg+xml" />
        <link rel="stylesheet" href="${frame.file('style.css')}" />
        <script src="${frame.file('page.js')}" nonce="${nonce}" type="module"></script>
        ${page.usesPasskeys && html`<script src="${frame.file('passkey.js')}" nonce="${nonce}" type="module"></script>`}
      </head>
      <body data-page="${page.name}" data-base="${frame.at('')}" data-csrf="${csrf}" data-tx="${tx}">
        <a class="jump" href="#main">${texts.common.skip}</a>
        ${page.body} ${footer(frame)}
        ${
          page.inlineScript !== undefined &&
          html`<script nonce="${nonce}">
            ${raw(page.inlineScript)}
          </script>`
        }
      </body>
    </html> `
}

function footer({ texts, brand }: Frame): Markup | '' {
  const { terms, privacy, help } = texts.common
  const links = [
    { says: terms, at: brand.termsUrl },
    { says: privacy, at: brand.privacyUrl },
    { says: help, at: brand.helpUrl },
  ].filter(({ at }) => at !== undefined)
  if (links.length === 0) return ''
  return html`<footer>
    <nav class="foot" aria-label="${texts.common.footer}">
      ${links.map(({ says, at }) => html`<a href="${at}">${says}</a>`)}
    </nav>
  </footer>`
}
