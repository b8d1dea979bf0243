/** The challenge of a 401 or 403: how an access token has to come (RFC 6750 §3, RFC 9449 §7.1). */
import { ASSERTION_ALGORITHMS } from '../clients/assertion.ts'

export type Scheme = 'Bearer' | 'DPoP'

/** Without an error, the challenge says only how to authenticate. */
export function challenge(scheme: Scheme, error?: string, scope?: string): Record<string, string> {
  const parts = [
    'realm="signet"',
    ...(error === undefined ? [] : [`error="${error}"`]),
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...(scheme === 'DPoP' ? [`algs="${ASSERTION_ALGORITHMS.join(' ')}"`] : []),
  ]
  return { 'WWW-Authenticate': `${scheme} ${parts.join(', ')}` }
}
