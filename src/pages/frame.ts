/**
 * The frame of a page: everything that all pages have in common. Language, brand, addresses, the nonce of scripts, the
 * proof of forms, the client that the person signs in to, and the id of the request.
 */
import type { Locale } from '../config/setting.ts'
import { basePath } from '../http/endpoint-url.ts'
import { csrfOf } from '../http/own-form.ts'
import type { Asked } from '../http/route.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { filesOf, type FileName } from './files.ts'
import { newNonce } from './html.ts'
import { chooseLocale, LANG_OF } from './locale.ts'
import { plainLine } from './plain-text.ts'
import { de } from './texts/de.ts'
import { en, type Texts } from './texts/en.ts'
import { zh } from './texts/zh.ts'

const TEXTS: Record<Locale, Texts> = { en, de, zh }

/** The client that the person signs in to. */
export interface ClientView {
  name: string
}

export interface BrandView {
  name: string
  /** The address of the logo; `undefined` for none. */
  logo: string | undefined
  /** Of a logo that stands elsewhere. */
  logoOrigin: string | undefined
  termsUrl: string | undefined
  privacyUrl: string | undefined
  helpUrl: string | undefined
}

export interface Frame {
  texts: Texts
  locale: Locale
  /** BCP 47. */
  lang: string
  brand: BrandView
  /** The address of a path of our own: the path of the issuer stands before it. */
  at(path: string): string
  /** The address of a file of pages, with its version. */
  file(name: FileName): string
  /** Of the scripts in this response. */
  nonce: string
  /** The hidden fields of every form. */
  csrf: string | undefined
  tx: string | undefined
  client: ClientView | undefined
  requestId: string
  /** Whether there are passwords here. */
  hasPasswords: boolean
}

export interface FrameTerms {
  /** The secret of the cookie that forms of the page are bound to: `login` while signing in, `session` afterwards. */
  secret?: string | undefined
  /** The id of the sign-in under way. */
  tx?: string | undefined
  client?: ClientView | undefined
  /** Of the request of the client. */
  uiLocales?: readonly string[] | undefined
  /** The person's own. */
  locale?: string | undefined
}

/** @param asked the call of a page's handler */
export function newFrame(asked: Asked, { issuer, config }: FrameNeeds, terms: FrameTerms = {}): Frame {
  const { uiLocales, locale: ofPerson, secret, tx, client } = terms
  const acceptLanguage = asked.header('accept-language')
  const locale = chooseLocale({ uiLocales, ofPerson, acceptLanguage, standard: config.locale })
  const base = basePath(issuer)
  const files = filesOf(config)
  const remote = config.brandLogo?.startsWith('https://') ? config.brandLogo : undefined
  const at = (path: string) => `${base}${path}`
  const file = (name: FileName) => at(files.addressOf(name))
  return {
    texts: TEXTS[locale],
    locale,
    lang: LANG_OF[locale],
    brand: {
      name: config.brandName ?? 'Signet',
      logo: remote ?? (files.hasLogo ? file('logo') : undefined),
      logoOrigin: remote === undefined ? undefined : new URL(remote).origin,
      termsUrl: config.brandTermsUrl,
      privacyUrl: config.brandPrivacyUrl,
      helpUrl: config.brandHelpUrl,
    },
    at,
    file,
    nonce: newNonce(),
    csrf: secret === undefined ? undefined : csrfOf(secret),
    tx,
    client: client && { name: plainLine(client.name) },
    requestId: asked.facts.request_id,
    hasPasswords: config.passwords !== false,
  }
}

/**
 * The page after a sign-out, in the language of this frame: the session that knows the person's language is over then.
 * @param own the frame that the page has by itself, in the language of the browser
 */
export const signedOutAddress = ({ at, locale }: Frame, own: Frame): string =>
  at(locale === own.locale ? '/signed-out' : `/signed-out?ui_locales=${locale}`)
