/** The meaning of each member of requests and answers, by its name; a schema says it itself if it differs. */
import { CLIENT_FIELDS } from '../clients/wire.ts'
import { meaningsOf } from '../ground/metadata.ts'
import { RESOURCE_FIELDS } from '../resources/wire.ts'
import { USER_FIELDS } from '../users/wire.ts'
import { GROUP_FIELDS } from '../users/group-wire.ts'

const DURATION = 'A duration such as `15m`, `30d` or `3600` (seconds)'

/** Said of a member that stands in several schemas with one meaning. */
export const MEMBERS: Record<string, string> = {
  ...meaningsOf(GROUP_FIELDS),
  ...meaningsOf(USER_FIELDS),
  ...meaningsOf(RESOURCE_FIELDS),
  ...meaningsOf(CLIENT_FIELDS),
  alg: 'The algorithm that signs (RFC 7518).',
  admin: 'Whether the new person is an operator.',
  all: 'Every factor but the password.',
  aud: 'The resource or resources that the token is for.',
  blacklist_entry: 'Id of the entry that refuses the person new tokens.',
  client_id: 'Id of the client.',
  client_secret: 'Shown this once and never again.',
  client_secret_expires_at: '0: it does not expire (RFC 7591 §3.2.1).',
  created_at: 'When it was made.',
  crv: 'The curve (RFC 7518 §6.2.1.1).',
  disabled_at: 'When it was disabled; `null` while it is enabled.',
  emergency: 'Goes ahead although the next key has not been published for long enough.',
  expires_at: 'When it ends by itself: ISO 8601, or seconds since the epoch.',
  id: 'Its id; of a resource it becomes `aud`: an absolute URI, or a plain name.',
  invite: 'Whether a link is made by which the person takes the account over.',
  iss: 'The issuer.',
  jti: 'Id of an access token.',
  keys: 'Public keys (RFC 7517 §4).',
  kid: 'Id of a signing key.',
  must_change: 'Whether the next sign-in asks for another password.',
  overlap: `How long the secrets before it are still good. ${DURATION}.`,
  kty: 'The kind of key (RFC 7518 §6.1).',
  passkey: 'The id of a passkey.',
  password: 'A password, which is kept as a slow hash.',
  reason: 'Why, for those who read the list.',
  resource: 'A resource, by its id.',
  sid: 'Id of a grant: one authorisation of one client, and its refresh token family.',
  status: 'Its state now.',
  sub: 'The subject: a person, or the client itself.',
  token: 'An access token, denied by its `jti`, or a refresh token, denied by its grant.',
  totp: 'Codes of an app, with the recovery codes.',
  updated_at: 'When it was changed last.',
  users: 'Ids, user names or addresses of users.',
  uses: 'How many accounts an invitation makes.',
}
