/**
 * The promises of the contract as simple code: clients, families and entries, and from them the verdict on every token.
 * It is written from the contract, not from the source. Times are seconds since the sequence began.
 */
import { LIVES } from './world.ts'

export interface Client {
  id: string
  /** Counts the clients that had this id one after the other, from 0. */
  incarnation: number
  isThere: boolean
  isDisabled: boolean
}

export interface Family {
  sid: string
  client: Client
  incarnation: number
  sub: string
  createdAt: number
  rotatedAt: number
  newest: number
  /** Its refresh tokens have ended for good. */
  isEnded: boolean
  /** Its access tokens have ended, too. */
  isDenied: boolean
  /** When its last access token ends. */
  accessUntil: number
}

export interface AccessToken {
  jti: string
  client: Client
  incarnation: number
  sub: string
  family: Family | undefined
  issuedAt: number
  kid: string
}

export interface Entry {
  kind: 'jti' | 'sid' | 'sub' | 'client_id'
  value: string
  since: number
  /** The time at which the entry ends: the given one, or the time from which it denies nothing any more. */
  until: number
  isLifted: boolean
}

export type Verdict = '200' | '400 invalid_grant' | '401 invalid_client'

export class Reference {
  now = 0
  readonly clients: Client[] = ['app-0', 'app-1'].map((id) => ({
    id,
    incarnation: 0,
    isThere: true,
    isDisabled: false,
  }))
  readonly entries: Entry[] = []
  readonly #revokedTokens = new Set<string>()
  readonly #revokedKeys = new Set<string>()

  isGone(kid: string): boolean {
    return this.#revokedKeys.has(kid)
  }

  #mayAuthenticate = ({ isThere, isDisabled }: Client): boolean => isThere && !isDisabled

  #isStanding = ({ isLifted, until }: Entry): boolean => !isLifted && this.now < until

  #refuses(client: Client, sub: string): boolean {
    const names = (entry: Entry) =>
      (entry.kind === 'client_id' && entry.value === client.id) || (entry.kind === 'sub' && entry.value === sub)
    return this.entries.some((entry) => this.#isStanding(entry) && names(entry))
  }

  /** The verdict on a request for new tokens. */
  issue(client: Client, sub: string): Verdict {
    if (!this.#mayAuthenticate(client)) return '401 invalid_client'
    return this.#refuses(client, sub) ? '400 invalid_grant' : '200'
  }

  isOver(family: Family): boolean {
    const isOrphan = !family.client.isThere || family.client.incarnation !== family.incarnation
    return isOrphan || family.isEnded || this.now >= family.createdAt + LIVES.refresh
  }

  /** The verdict on a refresh, and its effect on the family. */
  refresh(family: Family, generation: number, by: Client): Verdict {
    if (!this.#mayAuthenticate(by)) return '401 invalid_client'
    if (by !== family.client || this.isOver(family)) return '400 invalid_grant'
    const isRepeated = generation === family.newest - 1 && this.now < family.rotatedAt + LIVES.grace
    if (generation !== family.newest && !isRepeated) {
      this.onReuse(family)
      return '400 invalid_grant'
    }
    if (this.#refuses(by, family.sub)) return '400 invalid_grant'
    if (!isRepeated) {
      family.newest += 1
      family.rotatedAt = this.now
    }
    return '200'
  }

  onReuse(family: Family): void {
    family.isEnded = family.isDenied = true
  }

  /** A client revokes one of its own tokens. */
  revoke(token: AccessToken | Family, by: Client): '200' | '401 invalid_client' {
    if (!this.#mayAuthenticate(by)) return '401 invalid_client'
    if ('jti' in token) this.#revokedTokens.add(token.jti)
    else if (by === token.client && by.incarnation === token.incarnation) token.isEnded = token.isDenied = true
    return '200'
  }

  deny(entry: Omit<Entry, 'since' | 'isLifted'>, families: Family[]): void {
    this.entries.push({ ...entry, since: this.now, isLifted: false })
    const named = ({ sid, sub, client }: Family) => ({ jti: '', sid, sub, client_id: client.id })[entry.kind]
    for (const family of families) if (named(family) === entry.value) family.isEnded = true
  }

  remove(client: Client): void {
    client.isThere = client.isDisabled = false
  }

  create(client: Client): void {
    client.isThere = true
    client.incarnation += 1
  }

  revokeKey(kid: string): void {
    this.#revokedKeys.add(kid)
  }

  isAccessGood(token: AccessToken): boolean {
    const { client, family, jti, kid } = token
    if (this.now >= token.issuedAt + LIVES.access || this.isGone(kid)) return false
    if (!client.isThere || client.isDisabled || client.incarnation !== token.incarnation) return false
    if (this.#revokedTokens.has(jti) || family?.isDenied) return false
    return !this.entries.some((entry) => this.#isStanding(entry) && denies(entry, token))
  }

  isRefreshGood(family: Family, generation: number): boolean {
    return generation === family.newest && !this.isOver(family) && this.#mayAuthenticate(family.client)
  }
}

function denies({ kind, value, since }: Entry, { jti, family, sub, client, issuedAt }: AccessToken): boolean {
  if (kind === 'jti') return value === jti
  if (kind === 'sid') return value === family?.sid
  return issuedAt <= since && value === (kind === 'sub' ? sub : client.id)
}
