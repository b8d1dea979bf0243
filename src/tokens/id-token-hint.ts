/**
 * `id_token_hint` (OIDC Core §3.1.2.1, RP-Initiated Logout §2): an ID token of this issuer that a client gives back. It may
 * have expired, and its key may have left the JWKS since. A revoked key proves nothing.
 */
import { createPublicKey } from 'node:crypto'
import { readJws, type VerifyingKey } from '../keys/jws.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { SHARED_RING } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'

/** An ID token is longer than this only by claims that no client gives back in a URL. */
const MOST_HINT_CHARACTERS = 16_384

export interface IdTokenHint {
  sub: string
  /** The client that the ID token was made for. */
  clientId: string
  /** The session, where the token names one. */
  sessionId: string | undefined
}

interface Needs {
  issuer: string
  keys: Pick<KeyRing, 'findPublicKey'>
  store: Pick<Store, 'findKey'>
}

/** @returns `undefined` for a text that is no ID token of this issuer, or one whose signature proves nothing any more */
export async function readIdTokenHint(text: string, needs: Needs): Promise<IdTokenHint | undefined> {
  if (text.length > MOST_HINT_CHARACTERS) return undefined
  const key = await findKey(kidOf(text), needs)
  const read = readJws(text, () => key)
  if (!read.valid || read.typ !== 'JWT') return undefined
  const { iss, sub, aud, sid, exp, client_id: accessToken } = read.payload
  // An access token for a resource that wants `typ: JWT` is no ID token: it names its client apart from `aud`. A signed
  // answer of userinfo has no `exp`.
  if (iss !== needs.issuer || accessToken !== undefined || exp === undefined) return undefined
  if (typeof sub !== 'string' || typeof aud !== 'string') return undefined
  return { sub, clientId: aud, sessionId: typeof sid === 'string' ? sid : undefined }
}

/** The `kid` as the header names it; the signature is checked by the key that it leads to. */
function kidOf(text: string): string {
  try {
    const header: unknown = JSON.parse(Buffer.from(text.split('.', 1)[0] ?? '', 'base64url').toString('utf8'))
    return header && typeof header === 'object' && 'kid' in header && typeof header.kid === 'string' ? header.kid : ''
  } catch {
    return ''
  }
}

async function findKey(kid: string, { keys, store }: Needs): Promise<VerifyingKey | undefined> {
  const published = keys.findPublicKey(kid)
  if (published) return published.ring === SHARED_RING ? published : undefined
  const record = kid === '' ? undefined : await store.findKey(kid)
  if (!record || record.ring !== SHARED_RING || record.status === 'revoked') return undefined
  return { alg: record.alg, publicKey: createPublicKey({ key: { ...record.publicJwk }, format: 'jwk' }) }
}
