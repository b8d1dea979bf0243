/**
 * Client authentication: finds the registered client behind presented credentials (RFC 6749 §2.3). An unknown client and
 * a wrong secret get the same answer after the same time. Only the log tells the operator the difference.
 */
import { isDeepStrictEqual } from 'node:util'
import { invalidClient, type OAuthError } from '../ground/errors.ts'
import { wordOr } from '../ground/shell-word.ts'
import { describeUnknown } from '../ground/fingerprint.ts'
import { byClient, type AuditTrail } from '../audit.ts'
import type { Clock, Instant } from '../ground/clock.ts'
import type { Log } from '../ground/log.ts'
import type { ClientRecord, ClientSecret, SecretUse } from '../store/records/client.ts'
import type { Store } from '../store/store.ts'
import { methodsOnDemand } from '../ground/on-demand.ts'
import type * as AssertionCheck from './assertion-check.ts'
import { readClientAssertion } from './assertion.ts'
import { isPublicClient, usesSecret } from './client.ts'
import type { ClientDirectory } from './directory.ts'
import { PublishedKeys, type Asking } from './published-keys.ts'
import type { ClientSecrets } from './secret.ts'

/** Loaded with its library at the first assertion. Both kinds of refusal wait for it alike, and each check begins after it. */
const { checkAssertion, checkInVain } = methodsOnDemand<typeof AssertionCheck>(
  { checkAssertion: true, checkInVain: true },
  () => import('./assertion-check.ts'),
)

/** The credentials of a request, of exactly one method: the reader of the request has checked that. */
export type PresentedCredentials =
  | { method: 'client_secret_basic' | 'client_secret_post'; clientId: string; secret: string }
  | { method: 'private_key_jwt'; clientId: string | undefined; assertion: string }
  | { method: 'none'; clientId: string }

const UNIFORM =
  'client authentication failed: check client_id and secret (a new secret: signet client rotate-secret ID), and that the client is enabled'

const assertionUniform = (issuer: string): string =>
  'client authentication failed: client_assertion must be a JWT with iss = sub = client_id, ' +
  `aud = "${issuer}", exp at most 10 minutes ahead, a jti not used before, and a signature by a key of the client: one that is registered, or one at its jwks_uri`

/** A client that has authenticated. */
export interface Caller {
  /** Its record as it was when it authenticated. */
  readonly client: ClientRecord
  /**
   * Its record now: metadata may have changed since. Called in the turn in which a token is issued or a row is written.
   * @throws OAuthError `invalid_client` if its credentials are not valid any more: the registration was deleted, disabled
   *   or given another kind of authentication, the secret was ended, or the keys or their address were replaced
   */
  current(now: Instant): ClientRecord
}

/** Authenticates clients by the method that each is registered for (RFC 6749 §2.3, RFC 7523 §2.2). */
export class ClientAuthentication {
  readonly #issuer: string
  readonly #store: Store
  readonly #clock: Clock
  readonly #clients: ClientDirectory
  readonly #secrets: ClientSecrets
  readonly #published: PublishedKeys
  readonly #audit: AuditTrail
  #secretUse = new Map<string, SecretUse>()

  constructor(needs: {
    issuer: string
    store: Store
    clock: Clock
    clients: ClientDirectory
    secrets: ClientSecrets
    audit: AuditTrail
    log: Log
    /** SIGNET_OUTBOUND_ALLOW */
    allowed: readonly string[]
  }) {
    this.#issuer = needs.issuer
    this.#store = needs.store
    this.#clock = needs.clock
    this.#clients = needs.clients
    this.#secrets = needs.secrets
    this.#published = new PublishedKeys(needs)
    this.#audit = needs.audit
  }

  /**
   * Every request of a client begins here, so memory catches up here. Later decisions see every change that another
   * process had answered before the request came.
   * @param network of the caller: networks take turns at checks that are expensive
   * @throws OAuthError `invalid_client` (RFC 6749 §5.2).
   * @throws Unavailable when too many secrets are being hashed at once, or too many requests wait for keys of clients.
   */
  async authenticate(presented: PresentedCredentials, requestId: string, network: string): Promise<Caller> {
    const news = this.#store.catchUp()
    if (news) await news
    switch (presented.method) {
      case 'client_secret_basic':
      case 'client_secret_post':
        return this.#bySecret(presented, requestId, network)
      case 'private_key_jwt':
        return this.#byAssertion(presented, requestId, network)
      case 'none':
        return this.#byName(presented.clientId)
    }
  }

  async #bySecret(
    presented: { method: string; clientId: string; secret: string },
    requestId: string,
    network: string,
  ): Promise<Caller> {
    const client = this.#clients.find(presented.clientId)
    const priceOfBrought = this.#clients.someSecretIsBrought
    const secret = await this.#secrets.find(client, presented.secret, this.#clock.now(), priceOfBrought, network)
    if (!client || !secret) {
      // Both are noted, because what is done for one of them alone could be measured.
      const [action, target] = client ? ['client.wrong_secret', client.clientId] : ['client.unknown', 'unknown']
      this.#audit.note(this.#audit.event(action, target, byClient(target, requestId)))
      throw refuseAlike(presented.clientId, client && 'wrong or expired secret')
    }
    requireEnabled(client)
    requireMethod(client, presented.method)
    this.#noteUse(secret, presented.secret)
    return this.#caller(client, (current, now) => {
      const standing = current.secrets.find(({ id }) => id === secret.id)
      return standing !== undefined && (standing.expiresAt === null || standing.expiresAt > now)
    })
  }

  /** A digest of a former master key is replaced together with the note, once for each secret. */
  #noteUse(secret: ClientSecret, presented: string): void {
    const { id: secretId } = secret
    const renewed = this.#secrets.renew(secret, presented, this.#secretUse.get(secretId)?.renewed)
    this.#secretUse.set(secretId, { secretId, at: this.#clock.now(), renewed })
  }

  #caller(client: ClientRecord, isProven: (current: ClientRecord, now: Instant) => boolean): Caller {
    const current = (now: Instant): ClientRecord => {
      const found = this.#clients.find(client.clientId)
      if (!found || found.key !== client.key) throw refusal('the client was deleted meanwhile')
      requireEnabled(found)
      const isSameKind = found.tokenEndpointAuthMethod === client.tokenEndpointAuthMethod
      if (!isSameKind || !isProven(found, now)) throw refusal('what the client authenticated by was ended meanwhile')
      return found
    }
    return { client, current }
  }

  async #byAssertion(
    presented: { clientId: string | undefined; assertion: string },
    requestId: string,
    network: string,
  ): Promise<Caller> {
    const refuse = (reason: string) => refusal(reason, assertionUniform(this.#issuer))
    const { assertion } = presented
    const { issuer, kid } = readClientAssertion(assertion) ?? {}
    if (issuer === undefined) throw refuse('the assertion is too long, or no JWT with an iss')
    if (presented.clientId !== undefined && presented.clientId !== issuer) {
      throw refuse('client_id differs from the iss of the assertion')
    }
    const asking = { kid, network }
    const { client, signer, fault, isFetched } = await this.#findSigner(issuer, asking)
    const context = { issuer: this.#issuer, clock: this.#clock, store: this.#store }
    const verdict = signer && (await checkAssertion(assertion, signer, context))
    if (client && verdict?.good) {
      const { jwks, jwksUri } = client
      return this.#caller(client, (current) => current.jwksUri === jwksUri && isDeepStrictEqual(current.jwks, jwks))
    }
    if (!signer) await checkInVain(assertion)
    if (!isFetched && this.#clients.someKeysAreFetched) await this.#published.findInVain(issuer, asking)
    const reason = verdict && !verdict.good ? verdict.reason : undefined
    // The trail has room for the one reason that lies with another host.
    const details = reason !== undefined && reason === signer?.fault ? { details: { reason } } : {}
    const target = client?.clientId ?? 'unknown'
    const by = { ...byClient(target, requestId), ...details }
    this.#audit.note(this.#audit.event(client ? actionOf(verdict) : 'client.unknown', target, by))
    throw refuseAlike(issuer, reason === undefined ? fault : `assertion refused: ${reason}`, refuse)
  }

  /** The client that an assertion names, and its keys, or why it has none. Fetched keys may have taken seconds. */
  async #findSigner(clientId: string, asking: Asking): Promise<FoundSigner> {
    const named = this.#clients.find(clientId)
    const fault = named && findFault(named)
    if (!named || fault !== undefined) return { client: named, fault, isFetched: false }
    const { key, jwks, jwksUri } = named
    if (jwksUri === null) return { client: named, signer: { clientId, keys: jwks?.keys ?? [] }, isFetched: false }
    const published = await this.#published.find(named, jwksUri, asking)
    const client = this.#clients.find(clientId)
    if (client?.key !== key || client.jwksUri !== jwksUri)
      return { client, fault: client && 'the client was changed while its keys were fetched', isFetched: true }
    const faultNow = findFault(client)
    return faultNow === undefined
      ? { client, signer: { clientId, ...published }, isFetched: true }
      : { client, fault: faultNow, isFetched: true }
  }

  #byName(clientId: string): Caller {
    const client = this.#clients.find(clientId)
    if (!client || !isPublicClient(client)) {
      throw refuseAlike(clientId, client && 'a confidential client sent no credentials')
    }
    requireEnabled(client)
    return this.#caller(client, () => true)
  }

  /** Writes when secrets were last used. A late or lost write does no harm. */
  async flushSecretUse(): Promise<void> {
    if (this.#secretUse.size === 0) return
    const uses = [...this.#secretUse.values()]
    this.#secretUse = new Map()
    await this.#store.noteSecretUse(uses)
  }
}

interface FoundSigner {
  client: ClientRecord | undefined
  signer?: AssertionCheck.Signer
  /** Why the client has no keys for an assertion, if there is such a client. */
  fault?: string | undefined
  isFetched: boolean
}

const actionOf = (verdict: AssertionCheck.AssertionVerdict | undefined): string =>
  verdict?.good === false && verdict.replayed ? 'client.assertion_replayed' : 'client.assertion_refused'

/** Why this client may not use assertions. Only the log tells it, so that callers cannot find out which clients exist. */
function findFault({ disabledAt, tokenEndpointAuthMethod: registered }: ClientRecord): string | undefined {
  if (disabledAt !== null) return 'the client is disabled'
  return registered === 'private_key_jwt' ? undefined : `authenticated by private_key_jwt, registered for ${registered}`
}

function requireEnabled(client: ClientRecord): void {
  if (client.disabledAt !== null) throw refusal('the client is disabled')
}

/**
 * A client with a secret may send it by Basic or in the body, whichever it is registered for: some libraries try one after
 * the other (golang.org/x/oauth2), and the secret is the same proof. Other methods are exact.
 */
function requireMethod(client: ClientRecord, method: string): void {
  const registered = client.tokenEndpointAuthMethod
  if (registered === method || (usesSecret(client) && method.startsWith('client_secret_'))) return
  // The caller may read this: it has proved to be the client.
  throw refusal(
    `authenticated by ${method}, registered for ${registered}`,
    `this client is registered for token_endpoint_auth_method "${registered}", not "${method}" (change it: signet client update ${wordOr('ID', client.clientId)} --auth-method ${method})`,
  )
}

const refusal = (reason: string, description = UNIFORM): OAuthError => invalidClient(description, { reason })

/**
 * Refuses a client that exists, by its fault, or an id that no client has. The description of the id is made for both:
 * work that is done for one of them alone could be measured. The id may be a secret in the wrong field, so the log gets
 * its description and not the id.
 */
function refuseAlike(
  clientId: string,
  fault: string | undefined,
  refuse: (reason: string) => OAuthError = refusal,
): OAuthError {
  const unknown = `no client ${describeUnknown(clientId)}`
  return refuse(fault ?? unknown)
}
