/** Text inside HTML that is no template of pages: an issuer URL may hold `&` and quotes. */
export const escapeHtml = (value: string): string =>
  value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
