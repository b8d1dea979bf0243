/** Tokens, good and bad, with the code that each must get. */
import { createHmac } from 'node:crypto'
import {
  API,
  base64url,
  claimsOf,
  claimsWith,
  headerOf,
  ISSUER,
  nested,
  NOW,
  signSegments,
  signText,
  token,
  type Key,
} from './signing.ts'

/** `accepted`, or the code of a `TokenError`. */
export type Code = string

export interface TokenCase {
  name: string
  token: string
  code: Code
  /** Other codes that a standard allows here. */
  also?: Code[]
  /** Options of the verifier beside issuer and audience. */
  options?: Record<string, unknown>
}

export interface Keys {
  es: Key
  rs: Key
  ps: Key
  es384: Key
  ed: Key
  /** A key that the issuer does not publish. */
  forger: Key
}

const of = (code: Code, cases: Record<string, string>): TokenCase[] =>
  Object.entries(cases).map(([name, each]) => ({ name, token: each, code }))

const malformed = (cases: Record<string, string>): TokenCase[] => of('malformed_token', cases)

const good = ({ es, rs, ps, es384, ed }: Keys): TokenCase[] =>
  of('accepted', {
    ES256: token(es),
    ES384: token(es384),
    RS256: token(rs),
    PS256: token(ps),
    EdDSA: token(ed),
    'aud is a list that holds the API': token(es, { aud: ['https://other.example', API] }),
    'aud is a list with values of other types beside the API': token(es, { aud: [17, null, ['x'], API] }),
    'typ with the prefix application/': token(es, {}, { typ: 'application/at+jwt' }),
    'typ in capitals': token(es, {}, { typ: 'AT+JWT' }),
    'other claims of any type': token(es, { a: null, b: [1, 2.5, {}], c: { d: true }, roles: 17, scope: ['x'] }),
    'the least claims': token(es, {
      sub: undefined,
      client_id: undefined,
      iat: undefined,
      jti: undefined,
      sid: undefined,
    }),
    'text beyond ASCII': token(es, { sub: 'Ада \u{1F600}', name: '\u0000\u2028' }),
    'half of a surrogate pair': signText(headerOf(es), claimsWith('"name":"\\ud800"', { jti: undefined }), es),
    'half of a surrogate pair in jti': signText(headerOf(es), claimsWith('"jti":"\\udfff"', { jti: undefined }), es),
    'names written with escapes': signText(headerOf(es), claimsOf().replace('"aud"', '"\\u0061ud"'), es),
    'white space between the claims': signText(
      headerOf(es),
      JSON.stringify(JSON.parse(claimsOf()), null, '\t\r\n '),
      es,
    ),
    'names that are special in some languages': signText(
      headerOf(es),
      claimsWith('"__proto__":{"exp":1},"constructor":1,"__class__":"x"'),
      es,
    ),
    'lists in lists, 32 levels': signText(headerOf(es), claimsWith(`"deep":${nested(32)}`), es),
    'an unused jwk, jku and x5u in the header': token(es, {}, { jwk: es.jwk, jku: 'https://x.example', x5u: 'x' }),
  })

const times = ({ es }: Keys): TokenCase[] => [
  ...of('accepted', {
    'expired within the tolerance': token(es, { exp: NOW - 4 }),
    'exp is a fraction': token(es, { exp: NOW + 0.5 }),
    'exp is huge, but exact': signText(headerOf(es), claimsWith('"exp":100000000000000000000', { exp: undefined }), es),
    'exp has an exponent': signText(headerOf(es), claimsWith('"exp":1.8e10', { exp: undefined }), es),
    'exp has an exponent of three digits': signText(headerOf(es), claimsWith('"exp":1e300', { exp: undefined }), es),
    'nbf within the tolerance': token(es, { nbf: NOW + 5 }),
    'iat within the tolerance': token(es, { iat: NOW + 5 }),
  }),
  ...of('token_expired', {
    'expired at the end of the tolerance': token(es, { exp: NOW - 5 }),
    'expired a year ago': token(es, { exp: NOW - 31_536_000 }),
    'exp is 0': token(es, { exp: 0 }),
    'exp is negative': token(es, { exp: -NOW }),
    'exp is a fraction in the past': token(es, { exp: NOW - 5.5 }),
    'expired, and of another issuer, API and type': token(es, { exp: 1, iss: 'x', aud: 'x' }, { typ: 'JWT' }),
  }),
  ...of('token_not_active', {
    'nbf beyond the tolerance': token(es, { nbf: NOW + 6 }),
    'iat beyond the tolerance': token(es, { iat: NOW + 6 }),
    'nbf is huge': token(es, { nbf: 1e20 }),
  }),
  ...malformed({
    'exp is missing': token(es, { exp: undefined }),
    'exp is a string': token(es, { exp: String(NOW + 600) }),
    'exp is null': token(es, { exp: null }),
    'exp is true': token(es, { exp: true }),
    'exp is a list': token(es, { exp: [NOW + 600] }),
    'exp is too large for a number': signText(headerOf(es), claimsWith('"exp":1e400', { exp: undefined }), es),
    'exp is a whole number that a double cannot hold': signText(
      headerOf(es),
      claimsWith('"exp":99999999999999999999', { exp: undefined }),
      es,
    ),
    'nbf is a string': token(es, { nbf: '1' }),
    'nbf is false': token(es, { nbf: false }),
    'iat is null': token(es, { iat: null }),
    'iat is a string': token(es, { iat: String(NOW) }),
  }),
]

const names = ({ es }: Keys): TokenCase[] => [
  ...of('wrong_issuer', {
    'iss is missing': token(es, { iss: undefined }),
    'iss has a slash at its end': token(es, { iss: `${ISSUER}/` }),
    'iss in capitals': token(es, { iss: ISSUER.toUpperCase() }),
    'iss is of somebody else': token(es, { iss: 'https://issuer.example.attacker.example' }),
  }),
  ...of('wrong_audience', {
    'aud is missing': token(es, { aud: undefined }),
    'aud is another API': token(es, { aud: 'https://other.example' }),
    'aud has a slash at its end': token(es, { aud: `${API}/` }),
    'aud begins like the API': token(es, { aud: `${API}.attacker.example` }),
    'aud holds the API among words': token(es, { aud: `https://other.example ${API}` }),
    'aud is an empty list': token(es, { aud: [] }),
    'aud is a list of others': token(es, { aud: ['a', 'b'] }),
    'aud is a list in a list': token(es, { aud: [[API]] }),
    'aud is a number': token(es, { aud: 17 }),
    'aud is null': token(es, { aud: null }),
    'aud is an object with the name of the API': token(es, { aud: { [API]: true } }),
  }),
  ...of('wrong_type', {
    'typ is missing': token(es, {}, { typ: undefined }),
    'typ of an ID token': token(es, {}, { typ: 'JWT' }),
    'typ of a logout token': token(es, {}, { typ: 'logout+jwt' }),
    'typ with a blank': token(es, {}, { typ: 'at+jwt ' }),
    'typ with the prefix twice': token(es, {}, { typ: 'application/application/at+jwt' }),
    'typ is a number': token(es, {}, { typ: 17 }),
    'typ is a list': token(es, {}, { typ: ['at+jwt'] }),
    'bound to a key (cnf), but sent as Bearer': token(es, { cnf: { jkt: 'x'.repeat(43) } }),
    'bound to a certificate': token(es, { cnf: { 'x5t#S256': 'x'.repeat(43) } }),
    'cnf is empty': token(es, { cnf: {} }),
    'cnf is null': token(es, { cnf: null }),
    'cnf is a string': token(es, { cnf: 'x' }),
  }),
  ...malformed({
    'iss is a list': token(es, { iss: [ISSUER] }),
    'sub is a number': token(es, { sub: 17 }),
    'sub is null': token(es, { sub: null }),
    'jti is a number': token(es, { jti: 17 }),
    'client_id is a list': token(es, { client_id: ['shop'] }),
    'sid is an object': token(es, { sid: {} }),
  }),
]

const algorithms = ({ es, rs }: Keys): TokenCase[] => {
  const claims = base64url(claimsOf())
  const hmac = (secret: string, key: Key) => {
    const text = `${base64url(headerOf(key, { alg: 'HS256' }))}.${claims}`
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
  }
  const pem = (key: Key) => key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return [
    ...of('unsupported_algorithm', {
      'none, without a signature': `${base64url(headerOf(es, { alg: 'none' }))}.${claims}.`,
      'none, without kid': `${base64url('{"alg":"none","typ":"at+jwt"}')}.${claims}.`,
      'None in another case': `${base64url(headerOf(es, { alg: 'nOnE' }))}.${claims}.`,
      'none, with a signature': token(es, {}, { alg: 'none' }),
      'HS256 with the published RSA key as secret': hmac(JSON.stringify(rs.jwk), rs),
      'HS256 with a PEM as secret': hmac(pem(es), es),
      'HS256 with an empty secret': hmac('', es),
      'RS256 for a key of ES256': token(es, {}, { alg: 'RS256' }),
      'ES256 for a key of RS256': token(rs, {}, { alg: 'ES256' }),
      'PS256 for a key of RS256': token(rs, {}, { alg: 'PS256' }),
      'ES384 for a key of P-256': token(es, {}, { alg: 'ES384' }),
      'an algorithm in lower case': token(es, {}, { alg: 'es256' }),
      ES256K: token(es, {}, { alg: 'ES256K' }),
      'an algorithm of encryption': token(es, {}, { alg: 'dir', enc: 'A256GCM' }),
      'an algorithm that does not exist': token(es, {}, { alg: 'toString' }),
    }),
    {
      name: 'RS256 where ES256 alone is accepted',
      token: token(rs),
      code: 'unsupported_algorithm',
      options: { algorithms: ['ES256'] },
    },
    ...malformed({
      'alg is missing': token(es, {}, { alg: undefined }),
      'alg is empty': token(es, {}, { alg: '' }),
      'alg is a number': token(es, {}, { alg: 256 }),
      'alg is a list': token(es, {}, { alg: ['ES256'] }),
      'alg is null': token(es, {}, { alg: null }),
    }),
  ]
}

const keysAndSignatures = ({ es, rs, forger }: Keys): TokenCase[] => {
  const [header = '', payload = '', sealed = ''] = token(es).split('.')
  const other = token(es, { jti: 'other' }).split('.')
  const flipped = Buffer.from(sealed, 'base64url').map((byte, index) => (index === 3 ? byte ^ 1 : byte))
  return [
    ...of('unknown_key', {
      'kid of another issuer': token(forger),
      'no kid, and the issuer has several keys': token(es, {}, { kid: undefined }),
      'kid is empty': token(es, {}, { kid: '' }),
      'kid is a path': token(es, {}, { kid: '../../../../dev/null' }),
      'kid is a query': token(es, {}, { kid: "' or 1=1 --" }),
      'kid is long': token(es, {}, { kid: 'x'.repeat(8000) }),
      'kid is special in some languages': token(es, {}, { kid: '__proto__' }),
      'a key of its own in jwk': token(forger, {}, { jwk: forger.jwk }),
      'a key of its own at jku': token(forger, {}, { jku: 'https://attacker.example/jwks' }),
      'a key of its own at x5u': token(forger, {}, { x5u: 'https://attacker.example/x5u' }),
      'a key of its own in x5c': token(forger, {}, { x5c: ['MIIB'] }),
    }),
    ...of('invalid_signature', {
      'signed by another key under the kid of the issuer': token(es, {}, {}, forger),
      'signed by another key, which is in jwk': token(es, {}, { jwk: forger.jwk }, forger),
      'claims changed after signing': `${header}.${base64url(claimsOf({ sub: 'eve' }))}.${sealed}`,
      'claims changed, and expired': `${header}.${base64url(claimsOf({ exp: 1 }))}.${sealed}`,
      'the header of another token': `${base64url(headerOf(es, { x: 1 }))}.${payload}.${sealed}`,
      'the signature of another token': `${header}.${payload}.${other[2]}`,
      'a bit of the signature changed': `${header}.${payload}.${base64url(flipped)}`,
      'the signature is empty': `${header}.${payload}.`,
      'the signature is cut': `${header}.${payload}.${sealed.slice(0, 40)}`,
      'the signature is all zeros': `${header}.${payload}.${base64url(new Uint8Array(64))}`,
      'the signature of ECDSA is in DER': `${header}.${payload}.${base64url(derOf(Buffer.from(sealed, 'base64url')))}`,
      'an RSA signature of one byte': `${token(rs).split('.', 2).join('.')}.${base64url('x')}`,
      'an RSA signature of all ones': `${token(rs).split('.', 2).join('.')}.${base64url(new Uint8Array(256).fill(255))}`,
    }),
    ...malformed({
      'kid is a number': token(es, {}, { kid: 17 }),
      'kid is null': token(es, {}, { kid: null }),
      'kid is a list': token(es, {}, { kid: [es.kid] }),
      'crit names an unknown extension': token(es, {}, { crit: ['x'], x: 1 }),
      'crit names b64, which is false': token(es, {}, { crit: ['b64'], b64: false }),
      'crit names a registered parameter': token(es, {}, { crit: ['alg'] }),
      'crit is empty': token(es, {}, { crit: [] }),
      'crit is a string': token(es, {}, { crit: 'exp' }),
      'crit is null': token(es, {}, { crit: null }),
    }),
  ]
}

/** The same signature in the form of X.509, which JOSE does not use. */
function derOf(signed: Uint8Array): Buffer {
  const integer = (bytes: Uint8Array) => {
    const start = bytes.findIndex((byte) => byte !== 0)
    const least = bytes.subarray(Math.max(start, 0))
    const value = (least[0] ?? 0) > 127 ? [0, ...least] : [...least]
    return [2, value.length, ...value]
  }
  const content = [...integer(signed.subarray(0, 32)), ...integer(signed.subarray(32))]
  return Buffer.from([48, content.length, ...content])
}

/** JSON text, and as many blanks behind it as leave a rest of so many bytes when it is cut in threes. */
const inLengthOf = (rest: number, text: string): string => text + ' '.repeat((rest + 3 - (text.length % 3)) % 3)

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Another spelling of the same bytes: the last character has bits that no byte needs. */
const withSpareBits = (text: string): string =>
  text.slice(0, -1) + (ALPHABET[ALPHABET.indexOf(text.slice(-1)) + 1] ?? '')

const forms = ({ es }: Keys): TokenCase[] => {
  const whole = token(es)
  const [header = '', payload = '', sealed = ''] = whole.split('.')
  return [
    { name: 'no token', token: '', code: 'missing_token' },
    ...malformed({
      'a word': 'nonsense',
      'short parts': 'a.b.c',
      'the word Bearer before the token': `Bearer ${whole}`,
      'quotes around the token': `"${whole}"`,
      'a line end behind the token': `${whole}\n`,
      'a blank in the token': `${header}. ${payload}.${sealed}`,
      'two parts': `${header}.${payload}`,
      'four parts': `${whole}.x`,
      'five parts': `${whole}.x.y`,
      'a dot behind the token': `${whole}.`,
      'an empty header': `.${payload}.${sealed}`,
      'nothing but dots': '..',
      'a refresh token': 'sgr_abcdef',
      'characters beyond ASCII': '\u0000é.\u{1F4A5}.x',
      'a token of more than 16384 characters': token(es, { filler: 'x'.repeat(16_384) }),
      'twenty thousand characters that are no token': 'x'.repeat(20_000),
      'the alphabet of base64 with + and /': `${header}.${payload}.${'+/'.repeat(43)}`,
      'padding behind a part': `${header}=.${payload}.${sealed}`,
      'a header whose length no base64 has': signSegments(
        header + 'A'.repeat((5 - (header.length % 4)) % 4),
        payload,
        es,
      ),
      'a payload whose length no base64 has': signSegments(header, base64url(claimsOf()).slice(0, 201), es),
      'a signature whose length no base64 has': `${header}.${payload}.${sealed.slice(0, 85)}`,
      'a payload of one character': `${header}.A.${sealed}`,
      'a payload of one character, and no algorithm': `${base64url(headerOf(es, { alg: 'none' }))}.A.`,
      'a payload of one character, and an unknown key': `${base64url(headerOf(es, { kid: 'x' }))}.A.${sealed}`,
      'spare bits in the signature': withSpareBits(whole),
      'spare bits in the payload': signSegments(header, withSpareBits(base64url(inLengthOf(2, claimsOf()))), es),
      'spare bits in the header': signSegments(withSpareBits(base64url(inLengthOf(1, headerOf(es)))), payload, es),
      'a JSON serialization': JSON.stringify({ protected: header, payload, signature: sealed }),
    }),
  ]
}

const texts = ({ es }: Keys): TokenCase[] => {
  const header = (text: string | Uint8Array) => {
    const segment = base64url(text)
    return signSegments(segment, base64url(claimsOf()), es)
  }
  const payload = (text: string | Uint8Array) => signText(headerOf(es), text, es)
  const inUtf8 = (text: string, byte: number) => Buffer.concat([Buffer.from(text), Buffer.from([byte])])
  return malformed({
    'the header is no JSON': header('{alg:ES256}'),
    'the header is empty JSON text': header(' '),
    'the header is a list': header('[]'),
    'the header is null': header('null'),
    'the header is a string': header('"ES256"'),
    'the header is an empty object': header('{}'),
    'the header is cut': header(headerOf(es).slice(0, -1)),
    'the header is no UTF-8': header(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
    'the header goes deeper than 32 levels': header(`${headerOf(es).slice(0, -1)},"x":${nested(33)}}`),
    'the header goes deeper than a stack': header(`${headerOf(es).slice(0, -1)},"x":${nested(5000)}}`),
    'a byte order mark before the header': header(`\ufeff${headerOf(es)}`),
    'a string of the header is no UTF-8': header(
      Buffer.concat([Buffer.from(`${headerOf(es).slice(0, -1)},"x":"`), Buffer.from([0xff]), Buffer.from('"}')]),
    ),
    'a byte order mark before the payload': payload(`\ufeff${claimsOf()}`),
    'the payload is empty': payload(''),
    'the payload is no JSON': payload('{exp:1}'),
    'the payload is a list': payload('[]'),
    'the payload is null': payload('null'),
    'the payload is a number': payload('17'),
    'the payload is a string': payload(JSON.stringify(claimsOf())),
    'the payload is cut': payload(claimsOf().slice(0, -1)),
    'the payload is two objects': payload(claimsOf() + claimsOf()),
    'the payload ends with bytes that are no UTF-8': payload(inUtf8(claimsOf(), 0xff)),
    'a string of the payload is no UTF-8': payload(
      Buffer.concat([Buffer.from('{"exp":1900000000,"x":"'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')]),
    ),
    'NaN in the payload': payload(claimsWith('"x":NaN')),
    'Infinity in the payload': payload(claimsWith('"x":-Infinity')),
    'a comment in the payload': payload(`/* x */${claimsOf()}`),
    'a comma too many': payload(`${claimsOf().slice(0, -1)},}`),
    'single quotes': payload(claimsOf().replaceAll('"', "'")),
    'a line end within a string': payload(claimsWith('"x":"a\nb"')),
    'a number with a zero before it': payload(claimsWith('"x":017')),
    'a number with a plus before it': payload(claimsWith('"x":+1')),
    'a claim is a whole number that a double cannot hold': payload(claimsWith('"tenant":1147953659032899585')),
    'such a number in a list': payload(claimsWith('"tenants":[1,{"id":9007199254740993}]')),
    'a claim is too large for a number': payload(claimsWith('"x":1e999')),
    'a claim of 5000 digits': payload(claimsWith(`"x":${'9'.repeat(5000)}`)),
    'lists in lists, 33 levels': payload(claimsWith(`"deep":${nested(33)}`)),
    'lists in lists, 32 levels with a value in the innermost': payload(
      claimsWith(`"deep":${nested(32).replace('[]', '[0]')}`),
    ),
    'objects in objects, 40 levels': payload(claimsWith(`"deep":${'{"a":'.repeat(40)}0${'}'.repeat(40)}`)),
    'lists in lists, more levels than a stack': payload(claimsWith(`"deep":${nested(5500)}`)),
    'lists in lists that never end': payload('['.repeat(11_000)),
  })
}

/** RFC 7519 §4 and RFC 7515 §4: the last of two members counts, or the token is refused. Names are exact. */
const duplicates = ({ es }: Keys): TokenCase[] => {
  const twice = (first: string, second: string, changes: Record<string, unknown>) =>
    signText(headerOf(es), `{${first},${claimsOf(changes).slice(1, -1)},${second}}`, es)
  const also = ['malformed_token']
  const past = `"exp":${NOW - 600}`
  const future = `"exp":${NOW + 600}`
  const [ours, others] = [`"aud":"${API}"`, '"aud":"https://other.example"']
  const onlyOther = { aud: undefined }
  const noExp = { exp: undefined }
  const header = (text: string) => signText(text, claimsOf(), es)
  const rest = `"kid":"${es.kid}","typ":"at+jwt"`
  return [
    { name: 'exp twice, the last one past', token: twice(future, past, noExp), code: 'token_expired', also },
    { name: 'exp twice, the last one in the future', token: twice(past, future, noExp), code: 'accepted', also },
    { name: 'aud twice, the last one another', token: twice(ours, others, onlyOther), code: 'wrong_audience', also },
    { name: 'aud twice, the last one ours', token: twice(others, ours, onlyOther), code: 'accepted', also },
    {
      name: 'alg twice, the last one none',
      token: header(`{"alg":"ES256",${rest},"alg":"none"}`),
      code: 'unsupported_algorithm',
      also,
    },
    {
      name: 'alg twice, the first one none',
      token: header(`{"alg":"none",${rest},"alg":"ES256"}`),
      code: 'accepted',
      also,
    },
    { name: 'b64 is false, and crit does not name it', token: token(es, {}, { b64: false }), code: 'accepted', also },
    ...malformed({
      'Exp in capitals is not exp': signText(headerOf(es), claimsWith(`"EXP":${NOW + 600}`, { exp: undefined }), es),
      'ALG in capitals is not alg': header(`{"ALG":"ES256",${rest}}`),
    }),
    ...of('wrong_audience', {
      'Aud in capitals is not aud': signText(headerOf(es), claimsWith(`"AUD":"${API}"`, onlyOther), es),
      'a later Aud does not replace aud': signText(
        headerOf(es),
        claimsWith(`"Aud":"${API}"`, { aud: 'https://other.example' }),
        es,
      ),
    }),
    ...of('accepted', {
      'a later EXP does not replace exp': signText(headerOf(es), claimsWith('"EXP":1'), es),
    }),
  ]
}

const withOptions = ({ es }: Keys): TokenCase[] => {
  const accepted = { code: 'accepted' }
  const otherTypes = { typ: ['at+jwt', 'JWT', ''] }
  return [
    { name: 'JWT where it is accepted', token: token(es, {}, { typ: 'JWT' }), ...accepted, options: otherTypes },
    { name: 'no typ where it is accepted', token: token(es, {}, { typ: undefined }), ...accepted, options: otherTypes },
    { name: 'at+jwt where JWT alone is accepted', token: token(es), code: 'wrong_type', options: { typ: 'JWT' } },
    { name: 'one of two audiences', token: token(es, { aud: 'b' }), ...accepted, options: { audience: ['a', 'b'] } },
    {
      name: 'none of two audiences',
      token: token(es, { aud: 'c' }),
      code: 'wrong_audience',
      options: { audience: ['a', 'b'] },
    },
    { name: 'any audience', token: token(es, { aud: undefined }), ...accepted, options: { audience: false } },
    {
      name: 'expired, tolerance 60',
      token: token(es, { exp: NOW - 59 }),
      ...accepted,
      options: { clock_tolerance: 60 },
    },
    {
      name: 'expired, tolerance 0',
      token: token(es, { exp: NOW }),
      code: 'token_expired',
      options: { clock_tolerance: 0 },
    },
    {
      name: 'nbf ahead, tolerance 0',
      token: token(es, { nbf: NOW + 1 }),
      code: 'token_not_active',
      options: { clock_tolerance: 0 },
    },
  ]
}

export const tokenCases = (keys: Keys): TokenCase[] =>
  [good, times, names, algorithms, keysAndSignatures, forms, texts, duplicates, withOptions].flatMap((each) =>
    each(keys),
  )
