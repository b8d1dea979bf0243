/** The remedy for each reason of a refusal. The reasons are those of the log. */

import { shell } from '../ground/shell-word.ts'

interface About {
  clientId?: string | undefined
  route?: string | undefined
  /** Ids of clients that the refused one may have meant. */
  similar?: readonly string[] | undefined
}

interface Repair {
  reason: RegExp
  fix: (about: { clientId: string; route: string; similar: readonly string[] }) => string
}

/** The first that fits counts. */
const REPAIRS: readonly Repair[] = [
  {
    reason: /^redirect URI mismatch/,
    fix: ({ clientId }) =>
      `set the registered address in the app (all of them: signet client show ${clientId}); where the app is right, an operator who is signed in opens the same link and presses "Add this address", or: signet client update ${clientId} --add-redirect-uri URI`,
  },
  {
    reason: /^redirect_uri is missing/,
    fix: ({ clientId, route }) =>
      route === '/token'
        ? 'send the redirect_uri of the authorization request to /token as well, byte for byte'
        : `the app sends redirect_uri, one of: signet client show ${clientId}`,
  },
  {
    reason: /^PKCE required/,
    fix: ({ clientId }) =>
      `switch PKCE with S256 on in the app; for a confidential client whose app cannot do it: signet client update ${clientId} --require-pkce false`,
  },
  {
    reason: /^group not allowed/,
    fix: ({ clientId }) =>
      `add the person to a group that the client allows: signet group add GROUP USER; or allow another: signet client update ${clientId} --allow-group GROUP`,
  },
  {
    reason: /consent is missing/,
    fix: () => 'the app asks once without prompt=none, so that the person can agree',
  },
  {
    reason: /^prompt=none, and (second|must_change|choose_account)|has no factor that reaches|reaches an essential acr/,
    fix: () => 'second factor missing: the app asks without prompt=none, and the person sets one up at /account',
  },
  {
    reason: /^second factor missing/,
    fix: ({ clientId }) =>
      `the person sets one up on that page; SIGNET_MFA or require_acr of the client asks for it: signet client show ${clientId}`,
  },
  {
    reason: /^prompt=none, and nobody/,
    fix: () => 'the app sends the person to sign in: the same request without prompt',
  },
  {
    reason: /^the browser came by http/,
    fix: () =>
      'serve the issuer by https alone: end TLS at the proxy, redirect http to https there, and pass X-Forwarded-Proto on; see: signet doctor --issuer URL',
  },
  {
    reason: /^another browser began|its cookie was blocked/,
    fix: () =>
      'start again from the app, in one browser that takes cookies of this site; behind a proxy the issuer needs https, else the cookie is not sent back',
  },
  {
    reason: /^the form is older/,
    fix: () => 'load the page again, and send its form once',
  },
  {
    reason: /^the page was opened at another address/,
    fix: () =>
      'open the issuer itself (its URL: signet status); where people have to come by the other address, set SIGNET_ISSUER to it',
  },
  {
    reason: /^the code belongs to \d+ seconds/,
    fix: () =>
      'clock: set the clock of the phone and of this server by the network (timedatectl); codes are accepted for 30 seconds to each side',
  },
  {
    reason: /^(wrong code|no code was sent|the code (is wrong|was used already))/,
    fix: () => 'type the next code of the app; without the app a recovery code, or: signet user link USER',
  },
  {
    reason: /^(the link (was used|is over)|there is no such link)/,
    fix: () => 'make a new one: signet user link USER for an account that is there, else: signet invite',
  },
  {
    reason: /^the person (cancelled|refused the consent)/,
    fix: () => 'nothing is wrong here: the person pressed Cancel or Deny, and the app was told',
  },
  {
    reason: /^the person is no operator/,
    fix: () => 'operators are in a group with the permission signet:admin: signet group add GROUP USER',
  },
  {
    reason: /^(the sign-in is over|the code of this sign-in)/,
    fix: () => 'start again from the app: a sign-in can take an hour',
  },
  {
    reason: /^(nobody has the user name|the person is disabled|the person has no password|wrong password)/,
    fix: () => 'see: signet user list; a link for the locked-out: signet user link USER',
  },
  {
    reason: /^too many guesses/,
    fix: () => 'wait as long as the page says; a link for a person who forgot the password: signet user link USER',
  },
  {
    reason: /^the disk of the database is full/,
    fix: () => 'make room on the disk, then send the request again: nothing was changed; see: signet doctor',
  },
  {
    reason: /^no code like this is known|^the code (has expired|was ended)/,
    fix: () =>
      'the app sends each code once, within a minute, to the issuer that made it: send the person to /authorize again',
  },
  {
    reason: /^no such (page|endpoint)/,
    fix: () =>
      'compare the address with: signet doctor --issuer URL, which reads the metadata; a proxy may add or cut a path',
  },
  {
    reason: /^wrong or expired secret/,
    fix: ({ clientId }) =>
      `give the client its newest secret, or make another: signet client rotate-secret ${clientId}`,
  },
  {
    reason: /^no client /,
    fix: ({ similar }) =>
      similar.length > 0
        ? `the client_id begins like ${similar.join(', ')}: is that the one that was meant?`
        : 'compare the client_id with: signet client list (the log has its first characters and its length alone, since a secret may stand in its place)',
  },
  { reason: /client is disabled/, fix: ({ clientId }) => `enable it with: signet client enable ${clientId}` },
  { reason: /client (is disabled or deleted|does not exist)/, fix: () => 'see: signet client list' },
  {
    reason: /^authenticated by \S+, registered for/,
    fix: ({ clientId }) =>
      `send the credentials in the way it is registered for, or: signet client update ${clientId} --auth-method METHOD`,
  },
  {
    reason: /confidential client sent no credentials/,
    fix: () => 'send its secret by HTTP Basic: curl -u ID:SECRET …',
  },
  {
    reason:
      /DPoP proof was refused: iat must be within|^assertion refused: (it has expired|ERR_JWT_EXPIRED|exp is more|iat is in the future)/,
    fix: () =>
      'clock: set the clocks of the client and of this server by the network (timedatectl); the client signs anew for each request, in seconds and not milliseconds',
  },
  {
    reason: /^assertion refused.*used before/,
    fix: () => 'every assertion needs a jti of its own: make a new one for each request; else somebody replays it',
  },
  {
    reason: /the key set at its jwks_uri/,
    fix: ({ clientId }) =>
      `fetch it again from here: signet doctor; the client's owner mends what it publishes; an address inside needs SIGNET_OUTBOUND_ALLOW; another address: signet client update ${clientId} --jwks-uri URL`,
  },
  {
    reason: /^(the )?assertion|differs from the iss of the assertion/,
    fix: ({ clientId }) =>
      `sign with a key that the client has registered or publishes at its jwks_uri (signet client show ${clientId}), iss and sub the client_id, aud the issuer, exp within 10 minutes`,
  },
  {
    reason: /^refresh token reuse/,
    fix: () =>
      'start over with a new grant; see that only one place keeps the refresh token, always the newest; if nobody did it, it was stolen',
  },
  {
    reason: /^authorization code reuse/,
    fix: () =>
      'send each code to /token once, and do not repeat the request; if nobody did it, the code was stolen: send the person to /authorize again',
  },
  {
    reason: /^code_verifier /,
    fix: () =>
      'send the code_verifier of the same sign-in: an app on several servers must keep it where all of them find it, beside state',
  },
  {
    reason: /^redirect_uri differs$/,
    fix: () => 'send the redirect_uri of the authorization request to /token as well, byte for byte',
  },
  {
    reason: /in none of the allowed_groups/,
    fix: ({ clientId }) =>
      `add the person to a group with: signet group add GROUP USER; or let another group in: signet client update ${clientId} --allow-group GROUP`,
  },
  { reason: /^the user is disabled/, fix: () => 'enable the person with: signet user enable NAME' },
  {
    reason: /^(grant ended|its grant was ended)/,
    fix: () => 'start over with a new grant; who ended it: signet grant list',
  },
  { reason: /grant has expired|refresh token has expired/, fix: () => 'start over with a new grant' },
  { reason: /used and has a successor/, fix: () => 'use the newest refresh token of the grant' },
  {
    reason: /blacklist/,
    fix: () =>
      'get a new token; the entry: signet blacklist list, and where it was a mistake: signet blacklist remove ID',
  },
  {
    reason: /family secret differs|not (a refresh token of|made by) this issuer|grant does not exist/,
    fix: () => 'the refresh token comes from another issuer or database, or was cut: start over with a new grant',
  },
  {
    reason: /^the code was issued to client /,
    fix: () => 'two apps share a redirect URI or a store of sign-ins: give each its own client, and start over',
  },
  {
    reason: /^the code is bound to the key/,
    fix: () => 'send a DPoP proof of the key whose thumbprint was sent to /authorize as dpop_jkt',
  },
  { reason: /issued to client /, fix: () => 'a refresh token belongs to one client: use the one it was issued to' },
  {
    reason: /refresh token of another client|neither issued to this client/,
    fix: ({ clientId }) =>
      `introspection shows a client its own tokens and those of its resources; signet client show ${clientId} tells which these are, and a change names all of them: signet client update ${clientId} --resource … --resource AUD`,
  },
  { reason: /^a refresh token was sent/, fix: () => 'send the access token' },
  { reason: /ERR_JWT_EXPIRED|^it has expired$/, fix: () => 'get a new token, or refresh' },
  {
    reason: /NO_MATCHING_KEY|own key of another resource/,
    fix: () => 'its key is not one of ours (any more): get a new token',
  },
  { reason: /SIGNATURE_VERIFICATION/, fix: () => 'the token was changed or cut after it was signed: send it whole' },
  {
    reason: /^aud is /,
    fix: () => 'this API takes tokens for the issuer itself: ask for one with the issuer URL as resource',
  },
  { reason: /bound to a key/, fix: () => 'ask for the token without a DPoP proof' },
  { reason: /does not exist/, fix: () => 'see: signet resource list, signet client list' },
]

/** The remedy for a reason; without a known one, the reason says it, or the token does. */
export function findRepair(reason: string, about: About): string {
  const known = { clientId: shell(about.clientId ?? 'ID'), route: about.route ?? '', similar: about.similar ?? [] }
  const repair = REPAIRS.find((each) => each.reason.test(reason))
  return repair?.fix(known) ?? 'the reason names what to change in the request; for a token: signet doctor TOKEN'
}
