/** The language of a page: `ui_locales` → the person's locale → Accept-Language → SIGNET_LOCALE. */
import { LOCALES, type Locale } from '../config/setting.ts'

/** `lang` of the page for each language that there is, in the words of BCP 47. */
export const LANG_OF: Record<Locale, string> = { en: 'en', de: 'de', zh: 'zh-Hans' }

export interface AskedLocales {
  /** In the order of preference. */
  uiLocales?: readonly string[] | undefined
  ofPerson?: string | undefined
  acceptLanguage?: string | undefined
  standard?: Locale | undefined
}

export function chooseLocale({ uiLocales = [], ofPerson, acceptLanguage = '', standard = 'en' }: AskedLocales): Locale {
  const asked = [...uiLocales, ...(ofPerson === undefined ? [] : [ofPerson])]
  return firstKnown(asked) ?? firstKnown(byPreference(acceptLanguage)) ?? standard
}

function firstKnown(tags: readonly string[]): Locale | undefined {
  for (const tag of tags) {
    const language = tag.toLowerCase().split(/[-_]/, 1)[0]
    const known = LOCALES.find((each) => each === language)
    if (known) return known
  }
  return undefined
}

/** Longer headers are cut: no browser sends them. */
const MOST_CHARACTERS = 500

/** The language tags of `Accept-Language`, the preferred ones first (RFC 9110 §12.5.4). */
function byPreference(header: string): string[] {
  const ranges = header.slice(0, MOST_CHARACTERS).split(',')
  const weighed = ranges.map((range) => {
    const [tag = '', ...parameters] = range.split(';').map((each) => each.trim())
    const weight = Number(parameters.find((each) => each.startsWith('q='))?.slice(2) ?? 1)
    return { tag, weight: Number.isFinite(weight) ? weight : 0 }
  })
  return weighed
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag)
}
