/**
 * Explains to people at a terminal why a token is good or not: each check by itself, with its result and the step that
 * helps. Whether a token is good is decided in token-state.ts, and never here.
 */
import { createPublicKey } from 'node:crypto'
import { compactVerify } from 'jose'
import type { Blacklist } from '../blacklist/match.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { OPERATOR_CLIENT_ID } from '../clients/client.ts'
import { toIso } from '../ground/clock.ts'
import { toNumber } from '../ground/exact-json.ts'
import { shell } from '../ground/shell-word.ts'
import { isForPredecessor, keySetPath } from '../resources/resource.ts'
import { describeMissingResource } from '../resources/missing.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { keyView } from '../keys/wire.ts'
import type { BlacklistEntry } from '../store/records/blacklist.ts'
import { SHARED_RING, type SigningKeyRecord } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import { issuedAt } from '../tokens/access-token.ts'
import { bad, good, shown, type Check, type Members } from './check.ts'
import { checkAudience, checkBinding, checkIssuer, checkTimes, checkTyp } from './claim-checks.ts'
import { checkKind, cleanPaste, decodeToken, describeRemoved, type Pasted } from './pasted-token.ts'
import { checkAlgorithm, checkKeyType, explainSignature } from './signature-checks.ts'
import type { TokenState } from '../tokens/token-state.ts'

export interface Inspection {
  header: Members | null
  claims: Members | null
  checks: Check[]
  /** The answer of introspection. */
  active: boolean
}

interface Needs {
  issuer: string
  store: Store
  keys: KeyRing
  clients: ClientDirectory
  resources: ResourceDirectory
  blacklist: Blacklist
  tokenState: TokenState
}

/** Runs every check on a token. @param resource the expected audience, if the question names one */
export async function inspectToken(
  text: string,
  needs: Needs,
  { resource }: { resource?: string | undefined } = {},
): Promise<Inspection> {
  const pasted = cleanPaste(text)
  if (needs.tokenState.isRefreshToken(pasted.token)) return inspectRefreshToken(pasted, needs)
  const { form, header, claims } = decodeToken(pasted)
  if (!header || !claims) return { header, claims, checks: [form], active: false }

  const now = needs.store.now()
  const key = (await needs.store.listKeys()).find(({ kid }) => kid === header.kid)
  const checks = [
    form,
    checkKind(header, claims, (id) => !needs.resources.find(id) && needs.clients.find(id) !== undefined),
    checkAlgorithm(header, SIGNING_ALGORITHMS),
    checkKid(header, claims, key),
    ...(key ? [checkKeyType(header, describeKey(key))] : []),
    await checkSignature(pasted.token, header, key),
    checkIssuer(claims, needs.issuer),
    checkTyp(header),
    ...checkTimes(claims, now),
    checkAudience(
      claims,
      resource,
      typeof claims.client_id === 'string' ? needs.clients.find(claims.client_id) : undefined,
    ),
    ...checkBinding(claims),
    checkBlacklist(header, claims, needs.blacklist),
    checkClient(claims, needs.clients),
    ...checkResources(claims, needs.resources),
  ]
  const state = needs.tokenState.checkAccessToken(pasted.token)
  // This must not happen. If it does, the answer must not say that all is well.
  if (!state.active && checks.every(({ ok }) => ok)) checks.push(bad('introspection', state.reason))
  return { header, claims, checks, active: state.active }
}

async function inspectRefreshToken(pasted: Pasted, { tokenState, store }: Needs): Promise<Inspection> {
  const form = good(
    'form',
    `a refresh token${describeRemoved(pasted)}; it is for /token alone, APIs take access tokens`,
  )
  const state = await tokenState.checkRefreshToken(pasted.token)
  if (state.active) {
    const { sid, clientId, sub, expiresAt } = state.grant
    const found = `grant ${sid} of client ${clientId} for ${sub} is live until ${toIso(expiresAt)}`
    return { header: null, claims: null, checks: [form, good('grant', found)], active: true }
  }
  const grant = state.grant ? ` (grant ${state.grant.sid} of client ${state.grant.clientId})` : ''
  const fix =
    state.grant && store.now() < state.grant.expiresAt
      ? 'use the newest refresh token of the grant; where it is ended, start over with a new grant'
      : 'start over with a new grant'
  return { header: null, claims: null, checks: [form, bad('grant', state.reason + grant, fix)], active: false }
}

const describeKey = ({ kid, alg, publicJwk }: SigningKeyRecord) => ({ ...publicJwk, kid, alg })

function checkKid(header: Members, claims: Members, key: SigningKeyRecord | undefined): Check {
  if (header.kid === undefined)
    return bad('kid', 'the header names no key', 'this issuer always names one: it was made elsewhere')
  if (!key)
    return bad(
      'kid',
      `key ${shown(header.kid)} is unknown here`,
      'another issuer signed it, or this one with another database: compare iss, and SIGNET_DATABASE_URL',
    )
  if (key.status === 'revoked') return bad('kid', `key ${key.kid} was revoked as compromised`, 'get a new token')
  if (key.status === 'retired')
    return bad(
      'kid',
      `key ${key.kid} was rotated out and left the JWKS at ${keyView(key).retires_at}`,
      'get a new token',
    )
  if (key.ring === SHARED_RING) return good('kid', `key ${key.kid} is published (${key.status})`)
  if (claims.aud !== key.ring)
    return bad('kid', `key ${key.kid} is for resource ${key.ring} alone`, 'do not accept it for any other')
  const place = keySetPath(key.ring)
  return good('kid', `key ${key.kid} is published (${key.status}) at ${place}, as one of the resource's own`)
}

async function checkSignature(token: string, header: Members, key: SigningKeyRecord | undefined): Promise<Check> {
  if (!key) return bad('signature', 'cannot be checked without the key')
  try {
    await compactVerify(token, createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }), { algorithms: [key.alg] })
    return good('signature', `made by key ${key.kid}`)
  } catch (error) {
    return explainSignature(error, token, header.alg)
  }
}

function checkBlacklist(header: Members, claims: Members, blacklist: Blacklist): Check {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const denying = blacklist.findDenying({
    jti: text(claims.jti) ?? '',
    sub: text(claims.sub) ?? '',
    client_id: text(claims.client_id) ?? '',
    iat: toNumber(claims.iat) ?? 0,
    sid: text(claims.sid),
    kid: text(header.kid),
  })
  if (!denying) return good('blacklist', 'no entry denies it')
  const reason = denying.reason === null ? '' : `: ${denying.reason}`
  return bad('blacklist', `denied by entry ${denying.id} (${denying.kind})${reason}`, repairOf(denying))
}

/** A token that was denied on purpose is replaced; an entry is lifted only where it was a mistake. */
function repairOf({ id, kind, cause, value }: BlacklistEntry): string {
  if (kind === 'kid') return 'its signing key was revoked as compromised: get a new token'
  if (cause === 'client_disabled') return `enable its client with: signet client enable ${shell(value)}`
  if (cause === 'user_disabled')
    return `enable the person with: POST /admin/api/users/${encodeURIComponent(value)}/enable`
  if (cause !== 'blacklist') return 'get a new token; what was ended stays ended'
  const lift = `if the entry was a mistake, lift it with: signet blacklist remove ${id}`
  return kind === 'jti' || kind === 'sid' ? `get a new token; ${lift}` : lift
}

function checkClient(claims: Members, clients: ClientDirectory): Check {
  const id = claims.client_id
  if (typeof id !== 'string') return bad('client', 'the token has no client_id', 'it was made elsewhere')
  if (id === OPERATOR_CLIENT_ID) return good('client', 'minted by an operator, through no client')
  const client = clients.find(id)
  if (!client)
    return bad(
      'client',
      `client ${id} does not exist`,
      `it was deleted; register it again with: signet client create --id ${shell(id)}`,
    )
  if (client.disabledAt !== null)
    return bad(
      'client',
      `client ${id} is disabled since ${toIso(client.disabledAt)}`,
      `enable it with: signet client enable ${shell(id)}`,
    )
  return good('client', `client ${id} is enabled`)
}

function checkResources(claims: Members, resources: ResourceDirectory): Check[] {
  return [claims.aud]
    .flat()
    .filter((id) => typeof id === 'string')
    .map((id) => {
      const resource = resources.find(id)
      if (!resource) {
        const { fault, help } = describeMissingResource(id, resources.issuer, { known: resources.ids() })
        return bad('resource', fault, help)
      }
      const { jti } = claims
      const iat = toNumber(claims.iat)
      if (iat !== undefined && typeof jti === 'string' && isForPredecessor(resource, issuedAt({ iat, jti })))
        return bad('resource', `resource ${id} was deleted and created anew after this token`, 'get a new token')
      return resource.disabledAt === null
        ? good('resource', `resource ${id} exists`)
        : bad('resource', `resource ${id} is disabled`)
    })
}
