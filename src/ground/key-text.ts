/** The 32 bytes of a key, from base64url or base64, with or without padding; `undefined` for any other text. */
export const readKeyText = (text: string): Buffer | undefined =>
  /^([A-Za-z0-9_-]{43}|[A-Za-z0-9+/]{43})=?$/.test(text) ? Buffer.from(text, 'base64') : undefined
