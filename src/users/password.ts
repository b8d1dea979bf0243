/**
 * Passwords of people: chosen, hashed, compared. A password is hashed in the queue of slow hashes, in which people are one
 * caller among the clients, and networks take turns. An unknown person takes as long as a known person.
 */
import type { Config } from '../config/setting.ts'
import { invalidRequest, type OAuthError } from '../ground/errors.ts'
import type { PasswordQueue } from '../ground/hash-queue.ts'
import { isOutdated, matchesSlowHash, NOBODYS_HASH, slowHash } from '../ground/slow-hash.ts'
import type { UserRecord } from '../store/records/user.ts'
import { findWeakness, leastCharacters, MOST_PASSWORD_CHARACTERS, normalPassword, type Weakness } from './strength.ts'

/** The turns of people among those of clients: no client has an id with a blank. */
const PEOPLE = ' people'

type Owner = Pick<UserRecord, 'username' | 'email' | 'name'>

export interface PasswordCheck {
  matches: boolean
  /** The stored hash that was compared: a step that rests on the check holds only while it is still stored. */
  compared: string | null
  /** The same password under today's parameters, where the stored hash has smaller ones. */
  renewed: string | undefined
}

export class Passwords {
  readonly #queue: PasswordQueue
  readonly #config: Pick<Config, 'mfa' | 'passwords' | 'brandName'>

  constructor(queue: PasswordQueue, config: Pick<Config, 'mfa' | 'passwords' | 'brandName'>) {
    this.#queue = queue
    this.#config = config
  }

  /** Characters of the shortest password that may be chosen. */
  get least(): number {
    return leastCharacters(this.#config)
  }

  /** Why a person cannot choose this password, if they cannot. */
  findWeakness(typed: string, { username, email, name }: Owner): Promise<Weakness | undefined> {
    return findWeakness(typed, [username, email, name], this.#config)
  }

  /**
   * The hash of a password that may be chosen.
   * @param network of the caller; empty for the operator
   * @throws OAuthError `invalid_request`, which says what is accepted
   */
  async choose(typed: string, owner: Owner, network = ''): Promise<string> {
    await this.requireGood(typed, owner)
    return this.hash(typed, network)
  }

  /** @throws OAuthError `invalid_request`, which says what is accepted */
  async requireGood(typed: string, owner: Owner): Promise<void> {
    if (!this.#config.passwords)
      throw invalidRequest('password: passwords are off (SIGNET_PASSWORDS=off)', { isOfRecords: true })
    const weakness = await this.findWeakness(typed, owner)
    if (weakness !== undefined) throw this.#refusal(weakness)
  }

  /** @throws Unavailable where too many wait already */
  hash(typed: string, network: string): Promise<string> {
    return this.#queue.run({ client: PEOPLE, network }, () => slowHash(normalPassword(typed)))
  }

  /**
   * Compares a password. Nobody's hash is compared for an unknown person, a disabled one, and one without a password.
   * @throws Unavailable where too many wait already
   */
  async check(user: UserRecord | undefined, typed: string, network: string): Promise<PasswordCheck> {
    const compared = user && user.disabledAt === null && this.#config.passwords ? user.passwordHash : null
    const isTooLong = typed.length > MOST_PASSWORD_CHARACTERS
    const password = isTooLong ? '' : normalPassword(typed)
    const lane = { client: PEOPLE, network }
    const isSame = await this.#queue.run(lane, () => matchesSlowHash(compared ?? NOBODYS_HASH, password))
    const matches = isSame && compared !== null && !isTooLong
    const renewed = matches && isOutdated(compared) ? await this.hash(typed, network) : undefined
    return { matches, compared, renewed }
  }

  #refusal(weakness: Weakness): OAuthError {
    const { least } = this
    const why = {
      short: `a password has ${least} characters at least`,
      long: `a password has ${MOST_PASSWORD_CHARACTERS} characters at most`,
      weak: 'this password is easy to guess; take several words that have nothing to do with each other',
    }
    return invalidRequest(`password: ${why[weakness]}`)
  }
}
