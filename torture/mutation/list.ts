/** Every guard of the source that is taken out in turn, room by room. */
import type { Guard } from './guard.ts'
import { ACCESS_TOKEN_GUARDS } from './guards/access-tokens.ts'
import { CLIENT_GUARDS } from './guards/clients.ts'
import { DOOR_GUARDS } from './guards/doors.ts'
import { GRANT_GUARDS } from './guards/grants.ts'
import { KEY_GUARDS } from './guards/keys.ts'
import { LIMIT_GUARDS } from './guards/limits.ts'
import { REFRESH_TOKEN_GUARDS } from './guards/refresh-tokens.ts'
import { STORE_GUARDS } from './guards/store.ts'

export const GUARDS: Guard[] = [
  ...ACCESS_TOKEN_GUARDS,
  ...REFRESH_TOKEN_GUARDS,
  ...CLIENT_GUARDS,
  ...GRANT_GUARDS,
  ...DOOR_GUARDS,
  ...KEY_GUARDS,
  ...STORE_GUARDS,
  ...LIMIT_GUARDS,
]
