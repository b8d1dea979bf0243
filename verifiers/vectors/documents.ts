/** The content of the files of vectors, with keys that are made for it. */
import { feedCases } from './feeds.ts'
import { keySetCases } from './key-sets.ts'
import { rightsCases } from './rights.ts'
import { API, ISSUER, makeKey, NOW } from './signing.ts'
import { tokenCases, type Keys } from './tokens.ts'

export const FILES = ['tokens', 'rights', 'key-sets', 'feeds'] as const

export type Documents = Record<(typeof FILES)[number], Record<string, unknown>>

export function makeDocuments(): Documents {
  const keys: Keys = {
    es: makeKey('ES256', 'es256-1'),
    rs: makeKey('RS256', 'rs256-1'),
    ps: makeKey('PS256', 'ps256-1'),
    es384: makeKey('ES384', 'es384-1'),
    ed: makeKey('EdDSA', 'ed25519-1'),
    forger: makeKey('ES256', 'forged-1'),
  }
  const { forger: _unpublished, ...published } = keys
  const common = { issuer: ISSUER, audience: API, now: NOW }
  const jwks = { keys: Object.values(published).map(({ jwk }) => jwk) }
  return {
    tokens: { ...common, jwks, cases: tokenCases(keys) },
    rights: { ...common, jwks, cases: rightsCases(keys.es) },
    'key-sets': { ...common, cases: keySetCases(keys) },
    feeds: { ...common, jwks, cases: feedCases(keys) },
  }
}
