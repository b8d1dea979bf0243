/**
 * Whole numbers that JavaScript cannot hold. `JSON.parse` turns 1147953659032899585 into 1147953659032899600. If this is
 * the id of a tenant, the API opens the wrong one (RFC 8259 §6).
 */

/** Sixteen digits in a row, or an exponent of three: only then a number can be affected. */
const SUSPICIOUS = /\d{16}|[eE]\+?\d{3}/
/** Strings and numbers in turn. An unterminated string matches too, so that no text is scanned twice. */
const TOKENS = /"(?:[^"\\]|\\[^])*"?|-?\d[\d.eE+-]*/g

/**
 * @param json valid JSON, of bounded length
 * @returns the name of the member, or of the list, whose number would change; `undefined` where none would
 */
export function findInexact(json: string): string | undefined {
  if (!SUSPICIOUS.test(json)) return undefined
  let name = ''
  for (const { 0: token, index } of json.matchAll(TOKENS)) {
    if (token.startsWith('"')) {
      if (isName(json, index + token.length)) name = token
    } else if (!isExact(token)) return name === '' ? 'a number' : String(JSON.parse(name))
  }
  return undefined
}

function isName(json: string, end: number): boolean {
  let at = end
  while (' \t\n\r'.includes(json[at] ?? 'x')) at += 1
  return json[at] === ':'
}

/** A fraction is an approximation anyway, as long as it does not become infinite. */
function isExact(literal: string): boolean {
  const number = Number(literal)
  if (!Number.isFinite(number)) return false
  return !/^-?\d+$/.test(literal) || BigInt(literal) === BigInt(number)
}
