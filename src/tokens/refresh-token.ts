/**
 * The refresh token: `sgr_` and base64url of
 *
 *     version 1 byte | sid 16 | family secret 16 | generation 4 | MAC 16
 *
 * The key of the MAC is derived from the master key and the family's secret. A forged or damaged token is refused before
 * any database access. Neither the database alone nor the master key alone is enough to make a token. Tokens are not
 * stored. The successor of a generation is always the same string, so a lost response can be repeated.
 */
import { timingSafeEqual } from 'node:crypto'
import { Mac } from '../keys/mac.ts'
import type { MasterKey } from '../keys/master-key.ts'
import { idFromBytes, idToBytes } from '../ground/ids.ts'
import type { GrantRecord } from '../store/records/grant.ts'

export const REFRESH_TOKEN_PREFIX = 'sgr_'

const VERSION = 1
const BODY_BYTES = 37
const MAC_BYTES = 16
/** base64url of 53 bytes. */
const ENCODED = /^sgr_[A-Za-z0-9_-]{71}$/

export interface ParsedRefreshToken {
  sid: string
  familySecret: Buffer
  generation: number
  /** Made of the master key and the family's secret; its successor is made under it too. */
  familyKey: Mac
}

export class RefreshTokens {
  readonly #root: Mac

  constructor(masterKey: MasterKey) {
    this.#root = masterKey.derive('refresh-token')
  }

  /**
   * The token of a family's present generation; the same string every time.
   * @param familyKey of a token of this family, where one was parsed just before
   */
  encode(
    { sid, familySecret, generation }: Pick<GrantRecord, 'sid' | 'familySecret' | 'generation'>,
    familyKey?: Mac,
  ): string {
    const secret = Buffer.from(familySecret, 'base64url')
    const body = Buffer.alloc(BODY_BYTES)
    body.writeUInt8(VERSION, 0)
    idToBytes(sid).copy(body, 1)
    secret.copy(body, 17)
    body.writeUInt32BE(generation, 33)
    return (
      REFRESH_TOKEN_PREFIX +
      Buffer.concat([body, macOf(body, familyKey ?? this.#familyKey(secret))]).toString('base64url')
    )
  }

  /** The content of an authentic token; `undefined` for a text that this issuer did not make. */
  parse(token: string): ParsedRefreshToken | undefined {
    if (!ENCODED.test(token)) return undefined
    const bytes = Buffer.from(token.slice(REFRESH_TOKEN_PREFIX.length), 'base64url')
    // Several spellings decode to the same bytes. Only the issued spelling is accepted.
    if (REFRESH_TOKEN_PREFIX + bytes.toString('base64url') !== token) return undefined
    const body = bytes.subarray(0, BODY_BYTES)
    const secret = body.subarray(17, 33)
    const familyKey = this.#familyKey(secret)
    if (body.readUInt8(0) !== VERSION || !timingSafeEqual(macOf(body, familyKey), bytes.subarray(BODY_BYTES)))
      return undefined
    return {
      sid: idFromBytes(body.subarray(1, 17)),
      familySecret: Buffer.from(secret),
      generation: body.readUInt32BE(33),
      familyKey,
    }
  }

  #familyKey(secret: Buffer): Mac {
    return new Mac(this.#root.digest(secret))
  }
}

const macOf = (body: Buffer, familyKey: Mac): Buffer => familyKey.digest(body).subarray(0, MAC_BYTES)

/** Whether the secret in an authentic token is the family's own. */
export const belongsTo = (token: ParsedRefreshToken, grant: GrantRecord): boolean =>
  timingSafeEqual(token.familySecret, Buffer.from(grant.familySecret, 'base64url'))
