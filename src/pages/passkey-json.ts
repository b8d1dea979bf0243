/** The JSON that the script of passkeys is refused with. */
import { json, type Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { PasskeySignals } from '../users/passkey-signals.ts'

/** @param reason for the log; the script's page has words of its own */
export function refusePasskey(
  { facts }: Pick<PageCall, 'facts'>,
  reason: string,
  status = 400,
  signals?: PasskeySignals,
): Reply {
  facts.error = 'invalid_credentials'
  facts.reason = reason
  const body = { error: 'invalid_credentials', error_description: 'the passkey was not accepted' }
  return json({ ...body, ...(signals && { signals }) }, status)
}
