/** Answers of an issuer to whoever asks for its keys, and the verdicts of tokens afterwards. */
import { makeKey, nested, token, type Key } from './signing.ts'
import type { Code, Keys } from './tokens.ts'

/** An answer over HTTP, byte for byte. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
  /** So many blanks follow the body. */
  pad?: number
}

export interface Verdict {
  token: string
  code: Code
  also?: Code[]
}

export interface KeySetCase {
  name: string
  answer: Answer
  verdicts: Verdict[]
}

const JSON_TYPE = { 'content-type': 'application/json' }

const answers = (body: string, headers: Record<string, string> = JSON_TYPE, status = 200): Answer => ({
  status,
  headers,
  body,
})

const published = (...keys: unknown[]): Answer => answers(JSON.stringify({ keys }))

const without = (key: Key, ...members: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(key.jwk).filter(([name]) => !members.includes(name)))

const verdict = (each: string, code: Code = 'accepted'): Verdict => ({ token: each, code })

function usable({ es, rs, ps, ed }: Keys): KeySetCase[] {
  const noKid = { kid: undefined }
  const rsa = without(rs, 'alg', 'use')
  const asPs = { ...rs, alg: 'PS256' }
  return [
    {
      name: 'one key serves tokens with and without kid',
      answer: published(es.jwk),
      verdicts: [verdict(token(es)), verdict(token(es, {}, noKid)), verdict(token(rs), 'unknown_key')],
    },
    {
      name: 'a key without kid serves tokens without kid only',
      answer: published(without(es, 'kid')),
      verdicts: [verdict(token(es, {}, noKid)), verdict(token(es), 'unknown_key')],
    },
    {
      name: 'two keys, and a token without kid',
      answer: published(es.jwk, rs.jwk),
      verdicts: [verdict(token(es, {}, noKid), 'unknown_key'), verdict(token(rs))],
    },
    {
      name: 'two keys of one kid, told apart by alg',
      answer: published(es.jwk, { ...rs.jwk, kid: es.kid }),
      verdicts: [verdict(token(es)), verdict(token({ ...rs, kid: es.kid }))],
    },
    {
      name: 'an RSA key without alg serves every algorithm of RSA',
      answer: published(rsa),
      verdicts: [
        verdict(token(rs)),
        verdict(token(asPs)),
        verdict(token(rs, {}, { alg: 'ES256' }), 'unsupported_algorithm'),
      ],
    },
    {
      name: 'an RSA key with alg serves this algorithm only',
      answer: published(ps.jwk),
      verdicts: [verdict(token(ps)), verdict(token({ ...ps, alg: 'RS256' }), 'unsupported_algorithm')],
    },
    {
      name: 'a key of Ed25519 under both names of the algorithm',
      answer: published({ ...ed.jwk, alg: 'Ed25519' }),
      verdicts: [verdict(token(ed)), verdict(token({ ...ed, alg: 'Ed25519' }))],
    },
    {
      name: 'a private key was published by mistake',
      answer: published({ ...es.privateKey.export({ format: 'jwk' }), kid: es.kid }),
      verdicts: [verdict(token(es))],
    },
    {
      name: 'the media types of file servers',
      answer: answers(JSON.stringify({ keys: [es.jwk] }), { 'content-type': 'text/plain' }),
      verdicts: [verdict(token(es))],
    },
    {
      name: 'no media type',
      answer: answers(JSON.stringify({ keys: [es.jwk] }), {}),
      verdicts: [verdict(token(es))],
    },
  ]
}

function partlyUsable({ es, rs }: Keys): KeySetCase[] {
  const weak = makeKey('RS256', 'weak', { modulusLength: 1024 })
  const offCurve = { ...es.jwk, kid: 'off-curve', y: Buffer.alloc(32, 7).toString('base64url') }
  const useless = [
    null,
    17,
    'key',
    [],
    {},
    { kty: 'EC', kid: 'no-members' },
    { kty: 'oct', kid: 'shared', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U', alg: 'HS256' },
    { kty: 'moon', kid: 'kind', x: 'x', y: 'y', crv: 'P-256' },
    { ...es.jwk, kid: 'encrypts', use: 'enc' },
    { ...without(es, 'use'), kid: 'signs', key_ops: ['sign'] },
    { ...es.jwk, kid: 'curve', crv: 'P-257' },
    { ...es.jwk, kid: 'numbers', x: 17, y: 18 },
    { ...es.jwk, kid: 'short', x: 'AQ' },
    { ...rs.jwk, kid: 'no-modulus', n: '' },
    { ...rs.jwk, kid: 'text', n: 'not base64 \u{1F600}' },
    offCurve,
  ]
  const hollow = ['AQ', 'Ag', 'AAE', 'AQAAAAAB'].map((e) => ({ ...rs.jwk, kid: `exponent-${e}`, e }))
  const as = (kid: string, key: Key = es): string => token({ ...key, kid })
  return [
    {
      name: 'useless keys beside a good one',
      answer: published(...useless, es.jwk),
      verdicts: [
        verdict(token(es)),
        verdict(as('off-curve'), 'unknown_key'),
        verdict(as('encrypts'), 'unknown_key'),
        verdict(as('signs'), 'unknown_key'),
        verdict(as('numbers'), 'unknown_key'),
        verdict(as('short'), 'unknown_key'),
        verdict(as('no-members'), 'unknown_key'),
        verdict(as('no-modulus', rs), 'unknown_key'),
        { ...verdict(as('text', rs), 'unknown_key'), also: ['unsupported_algorithm'] },
        verdict(token(es, {}, { alg: 'HS256', kid: 'shared' }), 'unsupported_algorithm'),
        verdict(as('curve'), 'unsupported_algorithm'),
      ],
    },
    {
      name: 'an RSA key of 1024 bits',
      answer: published(weak.jwk, es.jwk),
      verdicts: [verdict(token(weak), 'unsupported_algorithm'), verdict(token(es))],
    },
    {
      name: 'RSA keys whose exponent hides nothing',
      answer: published(...hollow, es.jwk),
      verdicts: [...hollow.map(({ kid }) => verdict(as(kid, rs), 'unknown_key')), verdict(token(es))],
    },
    {
      name: 'a key that may do more than verify',
      answer: published({ ...without(es, 'use'), key_ops: ['sign', 'verify'] }),
      verdicts: [verdict(token(es))],
    },
  ]
}

/** Documents in which no key is found: the issuer has a fault, not the token. */
function unusable({ es }: Keys): KeySetCase[] {
  const set = JSON.stringify({ keys: [es.jwk] })
  const documents: Record<string, Answer> = {
    'no keys': published(),
    'no public signature key': published({ kty: 'oct', k: 'c2VjcmV0', kid: es.kid }, { ...es.jwk, use: 'enc' }),
    'keys is an object': answers(JSON.stringify({ keys: { [es.kid]: es.jwk } })),
    'keys is missing': answers('{}'),
    'the document is a list': answers(JSON.stringify([es.jwk])),
    'the document is null': answers('null'),
    'the document is a number': answers('17'),
    'the document is empty': answers(''),
    'the document is no JSON': answers('{keys:[]}'),
    'the document is cut': answers(set.slice(0, -2)),
    'the document is a page of HTML': answers('<!doctype html><p>Sign in</p>', { 'content-type': 'text/html' }),
    'the document is JSON, and the media type is HTML': answers(set, { 'content-type': 'text/html; charset=utf-8' }),
    'the document is deeper than a stack': answers(nested(20_000)),
    'the document is larger than 512 KiB': { ...answers(set), pad: 540_000 },
    'the issuer answers 404': answers('{}', JSON_TYPE, 404),
    'the issuer answers 500': answers(set, JSON_TYPE, 500),
    'the issuer answers 206': answers(set, JSON_TYPE, 206),
    'the issuer answers compressed without being asked to': answers(set, { ...JSON_TYPE, 'content-encoding': 'br' }),
    'the issuer redirects': answers('', { location: 'https://attacker.example/jwks' }, 302),
    'the issuer redirects to itself': answers('', { location: '/jwks' }, 307),
    'the issuer answers 304 without being asked to': answers('', {}, 304),
  }
  return Object.entries(documents).map(([name, answer]) => ({
    name,
    answer,
    verdicts: [verdict(token(es), 'issuer_unavailable'), verdict('nonsense', 'malformed_token')],
  }))
}

export const keySetCases = (keys: Keys): KeySetCase[] => [usable, partlyUsable, unusable].flatMap((each) => each(keys))
