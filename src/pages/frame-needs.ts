import type { Locale } from '../config/setting.ts'

/** The part of the configuration that pages show. */
export interface PageSettings {
  /** The name beside the logo, and in every title; `Signet` unless it is set. */
  brandName?: string | undefined
  /** A picture: an https URL, a `data:` URL, or the path of an SVG, PNG, WebP or JPEG file. */
  brandLogo?: string | undefined
  /** `#rrggbb`. */
  brandColor?: string | undefined
  brandTermsUrl?: string | undefined
  brandPrivacyUrl?: string | undefined
  brandHelpUrl?: string | undefined
  /** The language where neither the request nor the person asks for another that there is. */
  locale?: Locale | undefined
  /** Off where people sign in without passwords. */
  passwords?: boolean | undefined
}

/** The needs of every page. */
export interface FrameNeeds {
  /** The issuer URL. */
  issuer: string
  config: PageSettings & { logLevel: string }
}
