/**
 * Makes the vectors: `npm run vectors`. Keys and signatures of ECDSA are new at each run, so the files change as a whole;
 * a verdict changes only where a line of this folder does.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { feedCases } from './feeds.ts'
import { keySetCases } from './key-sets.ts'
import { rightsCases } from './rights.ts'
import { API, ISSUER, makeKey, NOW } from './signing.ts'
import { tokenCases, type Keys } from './tokens.ts'

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

function write(name: string, content: Record<string, unknown>): void {
  writeFileSync(join(import.meta.dirname, name), `${JSON.stringify({ ...common, ...content }, null, 2)}\n`)
}

write('tokens.json', { jwks, cases: tokenCases(keys) })
write('rights.json', { jwks, cases: rightsCases(keys.es) })
write('key-sets.json', { cases: keySetCases(keys) })
write('feeds.json', { jwks, cases: feedCases(keys) })
