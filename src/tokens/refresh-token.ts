/**
 * The refresh token: `sgr_` and base64url of
 *
 *     version 1 byte | sid 16 | family secret 16 | generation 4 | MAC 16
 *
 * The key of the MAC is derived from a master key and the family's secret. Tokens of the first master key have no other
 * part. Tokens of a later master key carry its id, 16 characters, before the rest. A forged or damaged token is refused
 * before any database access. Neither the database alone nor a master key alone is enough to make a token. Tokens are not
 * stored. The successor of a generation is always the same string, so a lost response can be repeated.
 */
import { timingSafeEqual } from 'node:crypto'
import { Mac } from '../keys/mac.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import { Unavailable } from '../ground/errors.ts'
import { REFRESH_TOKEN_PREFIX } from '../ground/looks-secret.ts'
import { idFromBytes, idToBytes } from '../ground/ids.ts'
import type { GrantRecord } from '../store/records/grant.ts'

const VERSION = 1
const BODY_BYTES = 37
const MAC_BYTES = 16
/** The id of a later master key, and base64url of 53 bytes. */
const ENCODED = /^sgr_(?:[A-Za-z0-9_-]{16})?[A-Za-z0-9_-]{71}$/
const PART_CHARACTERS = 71

/** The master keys that make tokens. Those of the first key do not carry its id. */
type FamilyKeys = Pick<MasterKeys, 'current' | 'find' | 'firstId' | 'successorOf'>

export interface ParsedRefreshToken {
  sid: string
  familySecret: Buffer
  generation: number
  masterKeyId: string
  /** Made of the master key and the family's secret; its successor is made under it too, unless the family moves. */
  familyKey: Mac
}

export class RefreshTokens {
  readonly #keys: FamilyKeys

  constructor(keys: FamilyKeys) {
    this.#keys = keys
  }

  /**
   * The token of a family's present generation; the same string every time.
   * @param parsed a token of this family, where one was parsed just before
   * @throws Unavailable while this process lacks the family's master key
   */
  encode(
    grant: Pick<GrantRecord, 'sid' | 'familySecret' | 'generation' | 'masterKeyId'>,
    parsed?: ParsedRefreshToken,
  ): string {
    const { firstId } = this.#keys
    const id = grant.masterKeyId ?? firstId
    const secret = Buffer.from(grant.familySecret, 'base64url')
    const body = Buffer.alloc(BODY_BYTES)
    body.writeUInt8(VERSION, 0)
    idToBytes(grant.sid).copy(body, 1)
    secret.copy(body, 17)
    body.writeUInt32BE(grant.generation, 33)
    const familyKey = parsed?.masterKeyId === id ? parsed.familyKey : this.#familyKey(id, secret)
    if (!familyKey) throw new Unavailable(`this server does not have master key ${id}`)
    const part = Buffer.concat([body, macOf(body, familyKey)]).toString('base64url')
    return REFRESH_TOKEN_PREFIX + (id === firstId ? '' : id) + part
  }

  /** The content of an authentic token; `undefined` for a text that this issuer did not make. */
  parse(token: string): ParsedRefreshToken | undefined {
    if (!ENCODED.test(token)) return undefined
    const part = token.slice(-PART_CHARACTERS)
    const named = token.slice(REFRESH_TOKEN_PREFIX.length, -PART_CHARACTERS)
    // The first key's tokens have one spelling.
    if (named === this.#keys.firstId) return undefined
    const masterKeyId = named || this.#keys.firstId
    const bytes = Buffer.from(part, 'base64url')
    // Several spellings decode to the same bytes. Only the issued spelling is accepted.
    if (bytes.toString('base64url') !== part) return undefined
    const body = bytes.subarray(0, BODY_BYTES)
    const secret = body.subarray(17, 33)
    const familyKey = this.#familyKey(masterKeyId, secret)
    if (!familyKey || body.readUInt8(0) !== VERSION) return undefined
    if (!timingSafeEqual(macOf(body, familyKey), bytes.subarray(BODY_BYTES))) return undefined
    return {
      sid: idFromBytes(body.subarray(1, 17)),
      familySecret: Buffer.from(secret),
      generation: body.readUInt32BE(33),
      masterKeyId,
      familyKey,
    }
  }

  /**
   * Whether an authentic token is of this family: it has the family's secret, and was made under the family's master key.
   * Only generations from before the family moved may have been made under another key. So a former key that leaked
   * makes no token of a family that has moved.
   */
  belongsTo(token: ParsedRefreshToken, grant: GrantRecord): boolean {
    const isOfKey =
      token.generation < grant.masterKeyFrom || token.masterKeyId === (grant.masterKeyId ?? this.#keys.firstId)
    return isOfKey && timingSafeEqual(token.familySecret, Buffer.from(grant.familySecret, 'base64url'))
  }

  /** The master key of a new family. @throws Unavailable while this process lacks it */
  currentKeyId(): string {
    return this.#keys.current.id
  }

  /** The master key that a family moves to at its next rotation; `undefined` where it stays. */
  nextKeyId({ masterKeyId }: GrantRecord): string | undefined {
    return this.#keys.successorOf(masterKeyId)?.id
  }

  #familyKey(id: string, secret: Buffer): Mac | undefined {
    const key = this.#keys.find(id)
    return key && new Mac(key.refreshTokens.digest(secret))
  }
}

const macOf = (body: Buffer, familyKey: Mac): Buffer => familyKey.digest(body).subarray(0, MAC_BYTES)
