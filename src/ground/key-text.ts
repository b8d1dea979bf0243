/** The 32 bytes of a key, from base64url or base64, with or without padding; `undefined` for any other text. */
export const readKeyText = (text: string): Buffer | undefined =>
  /^([A-Za-z0-9_-]{43}|[A-Za-z0-9+/]{43})=?$/.test(text) ? Buffer.from(text, 'base64') : undefined

/** Several keys, separated by commas, blanks or line ends, each as base64url; `undefined` where one of them is no key. */
export function readKeyTexts(text: string): string[] | undefined {
  const keys = splitKeyTexts(text).map(readKeyText)
  const found = keys.filter((key) => key !== undefined)
  return found.length > 0 && found.length === keys.length ? found.map((key) => key.toString('base64url')) : undefined
}

/** The words of a text that lists keys. */
export const splitKeyTexts = (text: string): string[] => text.split(/[\s,]/).filter(Boolean)
