/** Hints for the programs that keep passkeys (WebAuthn Level 3 §5.1.10). Nothing rests on them: a browser may ignore them. */
import type { PasskeyRecord, UserRecord } from '../store/records/user.ts'
import type { RelyingParty } from './passkey.ts'

export interface PasskeySignals {
  /** A credential that nobody has. */
  unknown?: { rpId: string; credentialId: string }
  /** All passkeys of a person. An empty list removes them all from the keeper, so it never comes from an error. */
  accepted?: { rpId: string; userId: string; allAcceptedCredentialIds: string[] }
  details?: { rpId: string; userId: string; name: string; displayName: string }
}

export function passkeySignals(
  { id: rpId }: RelyingParty,
  user: UserRecord,
  passkeys: PasskeyRecord[],
): PasskeySignals {
  const { handle: userId, username, name } = user
  return {
    accepted: { rpId, userId, allAcceptedCredentialIds: passkeys.map(({ id }) => id) },
    details: { rpId, userId, name: username, displayName: name ?? username },
  }
}

export const unknownPasskey = ({ id: rpId }: RelyingParty, credentialId: string): PasskeySignals => ({
  unknown: { rpId, credentialId },
})
