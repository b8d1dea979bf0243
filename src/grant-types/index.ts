/** The table of grant types. A `grant_type` that is not here is not served under any setting. */
import type { RefreshNeeds } from './refresh-token.ts'
import { AUTHORIZATION_CODE } from '../clients/client.ts'
import type { CodeNeeds } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import { methodsOnDemand } from '../ground/on-demand.ts'
import type { BeginningNeeds, GrantType } from './grant-type.ts'
import { refreshToken } from './refresh-token.ts'
import { subject } from './subject.ts'

/** The needs of all grant types together. */
export type GrantNeeds = BeginningNeeds & CodeNeeds & RefreshNeeds

/** Loaded at the first code. */
const authorizationCode: GrantType<CodeNeeds> = {
  grantType: AUTHORIZATION_CODE,
  ...methodsOnDemand<Pick<GrantType<CodeNeeds>, 'run'>>(
    { run: true },
    async () => (await import('./authorization-code.ts')).authorizationCode,
  ),
}

export const SERVED_GRANT_TYPES: ReadonlyMap<string, GrantType<GrantNeeds>> = new Map(
  [authorizationCode, clientCredentials, refreshToken, subject].map((each) => [each.grantType, each]),
)
