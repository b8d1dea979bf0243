/**
 * Reads JSON from outside exactly, or refuses it. `JSON.parse` changes some values without an error: numbers beyond 2^53 or
 * with too many digits, and all but the last of several members with one name. It also accepts any depth. Readers
 * downstream do the same, each in its own way (RFC 8259 §4 and §6, RFC 7493 §2). So such a value is refused by its name,
 * and is never signed, stored or acted on.
 */

/** Deeper text is an attack on readers that work by recursion. */
const MOST_LEVELS = 32

/** How much of a name or a number a message repeats. */
const MOST_SHOWN = 80

/** Why a text is not taken. The message holds no part of the text but names of members and digits. */
export class JsonFault extends Error {
  /** The names of the members that lead to the value at fault; empty for the text as a whole. */
  readonly path: readonly string[]

  constructor(path: readonly string[], message: string) {
    super(message)
    this.name = 'JsonFault'
    this.path = path
  }

  /** Whether the text is no JSON at all. */
  get isNoJson(): boolean {
    return this instanceof NoJson
  }
}

class NoJson extends JsonFault {}
class TooDeep extends JsonFault {}

/** Names a place in a JSON value: `claims.tenant`. */
export const describePath = (path: readonly string[]): string => shorten(path.join('.'))

const shorten = (text: string): string => (text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text)

/**
 * Reads JSON whose every value means the same to every reader.
 * @throws JsonFault naming the first value that does not, or saying that the text is no JSON
 */
export function readExactJson(text: string): unknown {
  const value = parse(text)
  for (const fault of findFaults(text)) throw fault
  return value
}

/**
 * Reads the JSON of somebody else to show it: each number keeps the digits that stand in the text, which `JSON.stringify`
 * writes as they are. `toNumber` gives the number.
 * @throws JsonFault where the text is no JSON or nested too deep; other faults are for `findFaults` to tell
 */
export function readDigits(text: string): unknown {
  parse(text)
  for (const fault of findFaults(text)) if (fault instanceof TooDeep) throw fault
  return JSON.parse(text, (_name, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? JSON.rawJSON(context.source)
      : value,
  )
}

/** The number behind a value of `readDigits`, as JavaScript has it; `undefined` for anything else. */
export function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return JSON.isRawJSON(value) ? Number(JSON.stringify(value)) : undefined
}

/** The digits of a number that `readDigits` kept. */
export const digitsOf = (value: unknown): string | undefined =>
  JSON.isRawJSON(value) ? JSON.stringify(value) : undefined

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own words would repeat the text, which may hold a secret.
    throw new NoJson([], 'it is not JSON')
  }
}

/** An object or a list that the scan is inside of. */
interface Frame {
  /** The names of an object so far; `undefined` for a list. */
  names: Set<string> | undefined
  /** The name of the present member, or the place in the list. */
  at: string
}

/** Everything in valid JSON text that readers would take differently, in order. It does not call itself, however deep. */
export function* findFaults(text: string): Generator<JsonFault> {
  const frames: Frame[] = []
  const path = () => frames.map(({ at }) => at)
  let expectsName = false
  for (let at = 0; at < text.length;) {
    const character = text[at] ?? ''
    const frame = frames.at(-1)
    const end = character === '"' ? endOfString(text, at) : isNumeral(character) ? endOfNumber(text, at) : at + 1
    const token = text.slice(at, end)
    if (character === '{' || character === '[') {
      if (frames.length >= MOST_LEVELS) return yield new TooDeep(path(), `nested deeper than ${MOST_LEVELS} levels`)
      frames.push({ names: character === '{' ? new Set() : undefined, at: '0' })
      expectsName = character === '{'
    } else if (character === '}' || character === ']') {
      frames.pop()
      expectsName = false
    } else if (character === ',' && frame) {
      expectsName = frame.names !== undefined
      if (!frame.names) frame.at = String(Number(frame.at) + 1)
    } else if (character === '"' && expectsName && frame?.names) {
      expectsName = false
      const fault = takeName(token, frame.names)
      frame.at = fault.name
      if (fault.message !== undefined) yield new JsonFault(path(), fault.message)
    } else if (character === '"') {
      if (!isWellFormed(token)) yield new JsonFault(path(), 'a text with half a character (an unpaired surrogate)')
    } else if (isNumeral(character) && !isExactNumber(token)) {
      yield new JsonFault(path(), describeInexact(token))
    }
    at = end
  }
}

/** Takes the next name of an object. */
function takeName(token: string, names: Set<string>): { name: string; message?: string } {
  const name = String(JSON.parse(token))
  if (names.has(name)) return { name, message: 'named twice in one object' }
  names.add(name)
  if (name === '__proto__') return { name, message: 'not a name that a member may have' }
  return isWellFormed(token) ? { name } : { name, message: 'a name with half a character (an unpaired surrogate)' }
}

export const describeInexact = (digits: string): string =>
  `${shorten(digits)} is changed by JSON readers that keep numbers as JavaScript does (integers up to 9007199254740991, 15 to 17 digits): send it as a string`

const isNumeral = (character: string): boolean => character === '-' || (character >= '0' && character <= '9')

function endOfNumber(text: string, start: number): number {
  let end = start + 1
  while (end < text.length && '0123456789.eE+-'.includes(text[end] ?? ' ')) end += 1
  return end
}

/** Behind the quote that ends a string. */
function endOfString(text: string, start: number): number {
  let end = start + 1
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end + 1
}

/** Only an escape can bring half a character into text that came as UTF-8. */
const isWellFormed = (token: string): boolean => !token.includes('\\u') || String(JSON.parse(token)).isWellFormed()

/**
 * Whether a number as it is written is the number that JavaScript keeps: an integer of at most 2^53 - 1, or a fraction
 * whose shortest JavaScript form has the same decimal value. `1.0`, `1e2` and `0.1` are; `1e400`, `9007199254740993`
 * and `0.1000000000000000055` are not.
 */
export function isExactNumber(written: string): boolean {
  const value = Number(written)
  if (!isSafeNumber(value)) return false
  const kept = String(value)
  if (kept === written) return true
  const [one, other] = [decimalOf(written), decimalOf(kept)]
  return one.digits === other.digits && (one.digits === '' || one.exponent === other.exponent)
}

/** Whether a number that is in memory already is one that every JSON reader keeps. */
export const isSafeNumber = (value: number): boolean => Math.abs(value) <= Number.MAX_SAFE_INTEGER

/** A decimal as digits without zeros at either end, times ten to the exponent. No digits mean 0. */
function decimalOf(written: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = written.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace(/^[-+]/, '').split('.')
  const all = whole + fraction
  let [start, end] = [0, all.length]
  while (start < end && all[start] === '0') start += 1
  while (end > start && all[end - 1] === '0') end -= 1
  return { digits: all.slice(start, end), exponent: Number(power) - fraction.length + (all.length - end) }
}

declare global {
  // ECMAScript's "JSON.parse source text access", which Node 24 has and the library's types do not know yet.
  interface JSON {
    rawJSON(text: string): object
    isRawJSON(value: unknown): value is object
  }
}
