/** The table of grant types. A `grant_type` that is not here is not served under any setting. */
import { SUBJECT_GRANT } from '../clients/client.ts'
import { clientCredentials } from './client-credentials.ts'
import type { GrantTypeHandler } from './grant-type.ts'
import { refreshToken } from './refresh-token.ts'
import { subject } from './subject.ts'

export const GRANT_TYPE_HANDLERS: ReadonlyMap<string, GrantTypeHandler> = new Map([
  ['client_credentials', clientCredentials],
  ['refresh_token', refreshToken],
  [SUBJECT_GRANT, subject],
])
