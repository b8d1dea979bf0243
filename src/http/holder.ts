/**
 * Reads and judges the access token of a request whose caller is the token's holder, whatever the token is for (OIDC Core
 * §5.3.1, RFC 6750 §2, RFC 9449 §7): in the header, or as `access_token` of a form. A token that is bound to a key comes
 * with scheme DPoP and a proof.
 */
import type { Clock } from '../ground/clock.ts'
import { OAuthError, invalidRequest, invalidToken } from '../ground/errors.ts'
import type { Store } from '../store/store.ts'
import type { AccessTokenClaims } from '../tokens/access-token.ts'
import { checkProof } from '../tokens/check-proof.ts'
import type { TokenState } from '../tokens/token-state.ts'
import { challenge, type Scheme } from './challenge.ts'

export interface HolderNeeds {
  issuer: string
  clock: Clock
  store: Store
  tokenState: TokenState
}

export interface Presented {
  authorization: string | undefined
  /** Of a form. */
  accessToken: string | undefined
  proof: string | undefined
  method: string
  /** The public URL that the caller sees. */
  url: string
}

export interface Holder {
  token: AccessTokenClaims
  /** Throws unless the token is still good. An answer that had to wait asks it again. */
  judge: () => void
}

/** @throws OAuthError with the challenge of RFC 6750 §3 or RFC 9449 §7.1 */
export async function judgeHolder(presented: Presented, needs: HolderNeeds): Promise<Holder> {
  const { scheme, token } = readToken(presented)
  const judgeAgain = () => judge(scheme, token, needs)
  const claims = judgeAgain()
  if (scheme === 'Bearer') return { token: claims, judge: judgeAgain }
  await requireProofOfPossession(token, claims, presented, needs)
  const news = needs.store.catchUp()
  if (news) await news
  return { token: judgeAgain(), judge: judgeAgain }
}

function readToken({ authorization, accessToken }: Presented): { scheme: Scheme; token: string } {
  const [, scheme, token] = /^(bearer|dpop) +(\S+)$/i.exec(authorization ?? '') ?? []
  if (token !== undefined && accessToken !== undefined)
    throw invalidRequest('the access token was sent twice: in the Authorization header and in the body', {
      headers: challenge('Bearer', 'invalid_request'),
    })
  if (accessToken !== undefined) return { scheme: 'Bearer', token: accessToken }
  if (token === undefined)
    throw invalidToken('send an access token: Authorization: Bearer …', { headers: challenge('Bearer') })
  return { scheme: scheme?.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}

function judge(scheme: Scheme, token: string, { tokenState }: HolderNeeds): AccessTokenClaims {
  const state = tokenState.isRefreshToken(token)
    ? { active: false as const, reason: 'a refresh token was sent' }
    : tokenState.checkAccessToken(token)
  if (!state.active) throw refuse(scheme, state.reason)
  const isBound = state.claims.cnf !== undefined
  if (isBound && scheme === 'Bearer') throw refuse('DPoP', 'it is bound to a key, and was sent without a proof')
  if (!isBound && scheme === 'DPoP') throw refuse('Bearer', 'it is bound to no key, and was sent with scheme DPoP')
  return state.claims
}

/** The proof belongs to this request and this token, and to the key that the token is bound to. */
async function requireProofOfPossession(
  accessToken: string,
  { cnf }: AccessTokenClaims,
  { proof, method, url }: Presented,
  { clock, store }: HolderNeeds,
): Promise<void> {
  if (proof === undefined) throw refuse('DPoP', 'the header DPoP is missing')
  try {
    const checked = await checkProof(proof, { method, url, clock, store, accessToken })
    if (checked.key !== cnf?.jkt) throw refuse('DPoP', 'the proof is of another key')
    await checked.consume()
  } catch (error) {
    if (!(error instanceof OAuthError) || error.code !== 'invalid_dpop_proof') throw error
    throw new OAuthError('invalid_dpop_proof', error.message, {
      status: 401,
      headers: challenge('DPoP', 'invalid_dpop_proof'),
      reason: error.reason,
    })
  }
}

const refuse = (scheme: Scheme, reason: string): OAuthError =>
  invalidToken(
    'the access token was refused: it must be live, and come as it was issued; see why with: signet token inspect TOKEN',
    {
      reason,
      headers: challenge(scheme, 'invalid_token'),
    },
  )
