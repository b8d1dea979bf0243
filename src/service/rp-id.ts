/** The domain that passkeys are bound to (WebAuthn §5.1.2). A passkey of one domain is useless in any other. */
import type { Config } from '../config/config.ts'
import { Fault } from '../ground/errors.ts'
import type { Store } from '../store/store.ts'

export const rpIdOf = ({ rpId }: Pick<Config, 'rpId'>, issuer: string): string => rpId ?? new URL(issuer).hostname

/**
 * Notes the domain, and refuses to change it once there are passkeys.
 * @param isAccepted whether the operator has said that the passkeys may be lost
 * @throws Fault with the step that helps
 */
export async function settleRpId(
  store: Pick<Store, 'findSetting' | 'putSetting' | 'hasPasskeys'>,
  rpId: string,
  isAccepted: boolean,
): Promise<void> {
  const before = await store.findSetting('rp_id')
  if (before === rpId) return
  if (before !== undefined && !isAccepted && (await store.hasPasskeys()))
    throw new Fault(
      `passkeys are bound to ${before}, and this start would bind them to ${rpId}: every passkey of today would be useless`,
      `go back to the issuer or the SIGNET_RP_ID of before, or lose the passkeys: signet serve --lose-passkeys`,
    )
  await store.putSetting('rp_id', rpId)
}
