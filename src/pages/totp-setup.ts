/** The secret of an authenticator app, as pages show it until its first code is right. */
import type { Person } from '../store/records/user.ts'
import { otpauthAddress, qrModules, type TotpKeys } from '../users/totp.ts'
import type { PageSettings } from './frame-needs.ts'
import type { TotpSetupView } from './views.ts'

export async function totpSetupOf(
  keys: TotpKeys,
  { user }: Person,
  { brandName = 'Signet' }: PageSettings,
): Promise<TotpSetupView> {
  const uri = await otpauthAddress(keys, { issuer: brandName, person: user.username })
  return { secret: keys.totp, uri, qr: await qrModules(uri) }
}
