/** The domain that passkeys are bound to (WebAuthn §5.1.2). A passkey of one domain is useless in any other. */
import type { Config } from '../config/setting.ts'
import { Fault } from '../ground/errors.ts'
import type { Store } from '../store/store.ts'

export const rpIdOf = ({ rpId }: Pick<Config, 'rpId'>, issuer: string): string => rpId ?? new URL(issuer).hostname

/**
 * Refuses to change the domain once there are passkeys.
 * @param before the domain of the last start
 * @throws Fault with the step that helps
 */
export async function requireSameDomain(
  store: Pick<Store, 'hasPasskeys'>,
  before: string | undefined,
  rpId: string,
): Promise<void> {
  if (before === undefined || before === rpId || !(await store.hasPasskeys())) return
  throw new Fault(
    `passkeys are bound to ${before}, and this start would bind them to ${rpId}: every passkey of today would be useless`,
    `go back to the issuer or the SIGNET_RP_ID of before, or lose the passkeys: signet serve --lose-passkeys`,
  )
}
