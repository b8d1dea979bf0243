/** Hostile values for any place that takes a value. Each contains a mark, by which it is found in a response. */

export interface Hostile {
  name: string
  /** A character for each byte; left out where only JSON can express the value. */
  bytes?: (mark: string) => string
  /** JSON, where it is no string. */
  json?: (mark: string) => string
  /** How the parameter itself is written; left out where it is written once, with the value. */
  shape?: 'absent' | 'twice' | 'array' | 'nested'
}

const MEGABYTE = 1_048_576
/** The deepest nesting that fits into a body that Signet reads. */
const DEEP = 30_000

export const HOSTILE_VALUES: Hostile[] = [
  { name: 'absent', shape: 'absent' },
  { name: 'empty', bytes: () => '' },
  { name: 'unknown', bytes: (mark) => mark },
  { name: 'twice', bytes: (mark) => mark, shape: 'twice' },
  { name: 'array syntax', bytes: (mark) => mark, shape: 'array' },
  { name: 'nested syntax', bytes: (mark) => mark, shape: 'nested' },
  { name: '1 MB', bytes: (mark) => mark + 'A'.repeat(MEGABYTE) },
  { name: '10 kB', bytes: (mark) => mark + 'A'.repeat(10_000) },
  { name: 'NUL', bytes: (mark) => `${mark}\0${mark}` },
  { name: 'CRLF', bytes: (mark) => `${mark}\r\nX-Injected: ${mark}` },
  { name: 'invalid UTF-8', bytes: (mark) => `${mark}\xff\xfe\xc0\x80` },
  { name: 'markup', bytes: (mark) => `<script>${mark}</script>` },
  { name: 'quotes', bytes: (mark) => `"'\\${mark}` },
  { name: 'other folders', bytes: (mark) => `../../${mark}` },
  { name: '__proto__', bytes: () => '__proto__' },
  { name: 'constructor', bytes: () => 'constructor' },
  { name: 'odd characters', bytes: (mark) => utf8(`\u{1F600}\u202E\uFEFF${mark}`) },
  { name: 'SQL', bytes: (mark) => `'; DROP TABLE clients; -- ${mark}` },
  { name: 'a look-up', bytes: (mark) => `\${jndi:ldap://${mark}}` },
  { name: 'the prefix of a token', bytes: () => 'sgr_' },
  { name: 'the shape of a token', bytes: () => `sgr_${'A'.repeat(71)}` },
  { name: 'a JWT without signature', bytes: () => 'eyJhbGciOiJub25lIn0.e30.' },
  { name: 'the parent folder', bytes: () => '..' },
  { name: 'a negative number', bytes: () => '-1', json: () => '-1' },
  { name: 'a number beyond all', bytes: () => '1e309', json: () => '1e309' },
  { name: 'a number of many digits', bytes: () => '9'.repeat(400), json: () => '9'.repeat(400) },
  { name: 'a fraction', bytes: () => '0.5', json: () => '0.5' },
  { name: 'NaN', bytes: () => 'NaN' },
  { name: 'true', json: () => 'true' },
  { name: 'an object', json: (mark) => `{"${mark}":1}` },
  { name: 'an object with __proto__', json: (mark) => `{"__proto__":{"polluted":"${mark}"}}` },
  { name: 'a list', json: (mark) => `["${mark}",null,1,{}]` },
  { name: 'half a surrogate pair', json: (mark) => `"${mark}\\ud800"` },
  { name: 'nested lists', json: () => '['.repeat(DEEP) + ']'.repeat(DEEP) },
]

/** The bytes of a text, one character each. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** The hostile texts that are not empty and are sent once, for callers that encode a text themselves. */
export const hostileTexts = (mark: string): string[] =>
  HOSTILE_VALUES.flatMap(({ bytes, shape }) => (bytes && shape === undefined ? [bytes(mark)] : []))
    .filter((bytes) => bytes !== '')
    .map((bytes) => Buffer.from(bytes, 'latin1').toString())

/** The form of a value in a path, a query or a form. */
export const percentEncoded = (bytes: string): string =>
  bytes.replaceAll(/[^A-Za-z0-9_]/g, (each) => `%${each.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** The form of a value in JSON; bytes that are no text stay as they are. */
export const jsonOf = (bytes: string): string => JSON.stringify(bytes)
