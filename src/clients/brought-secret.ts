/**
 * A secret of the declarative file. Comparing and hashing it takes tens of milliseconds, so both happen outside of the
 * write. Inside the write the secret is judged by the digests that it was compared with. If the client has got another
 * digest meanwhile, there is no judgement, and the secret has to be compared again.
 */
import type { Instant } from '../ground/clock.ts'
import type { ClientRecord, ClientSecret, EndedSecret } from '../store/records/client.ts'
import type { ClientSecrets } from './secret.ts'

/**
 * `standing`: the client has the secret. `leaving`: an operator rotated it away, and its overlap is not over. `ended`: an
 * operator ended it on purpose.
 */
export type SecretJudgement = 'standing' | 'leaving' | 'ended' | 'new'

/** The client that a secret is for, if it exists, and the ended secrets of its id, newest first. */
interface Known {
  current: ClientRecord | undefined
  endedSecrets: EndedSecret[]
}

/** A comparison that was not made yet. */
interface Uncompared {
  name: string
  compare(): Promise<boolean>
}

type Comparing = Pick<ClientSecrets, 'find' | 'matches' | 'bring'>

/** Digests under two master keys are no digests of one secret, even where they are equal. */
const nameOf = (as: 'standing' | 'ended', { digest, masterKeyId }: EndedSecret) =>
  `${as} ${masterKeyId ?? ''} ${digest}`

export class BroughtSecret {
  readonly #secrets: Comparing
  readonly #secret: string
  /**
   * By comparison: its outcome. An ended secret counts as this one for its look alone, when its master key was retired, so
   * that outcome says nothing about a standing secret of the same digest.
   */
  readonly #compared = new Map<string, boolean>()
  #record: ClientSecret | undefined

  constructor(secrets: Comparing, secret: string) {
    this.#secrets = secrets
    this.#secret = secret
  }

  /** @returns `undefined` where the secret has to be compared first */
  judge(known: Known, now: Instant): SecretJudgement | undefined {
    const judged = this.#judge(known, now)
    return typeof judged === 'string' ? judged : undefined
  }

  /** Compares the secret with stored digests until it can be judged. */
  async compare(known: Known, now: Instant): Promise<void> {
    for (let judged = this.#judge(known, now); typeof judged !== 'string'; judged = this.#judge(known, now))
      this.#compared.set(judged.name, await judged.compare())
  }

  /** Makes the record that keeps the secret. */
  async hash(now: Instant): Promise<void> {
    this.#record ??= await this.#secrets.bring(this.#secret, now)
  }

  /** The record that keeps the secret from now on; `undefined` before it was hashed. */
  recordAt(now: Instant): ClientSecret | undefined {
    return this.#record && { ...this.#record, createdAt: now }
  }

  #judge({ current, endedSecrets }: Known, now: Instant): SecretJudgement | Uncompared {
    return (current && this.#judgeStanding(current, now)) ?? this.#judgeEnded(endedSecrets) ?? 'new'
  }

  #judgeStanding(current: ClientRecord, now: Instant): 'standing' | 'leaving' | Uncompared | undefined {
    for (const stored of current.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)) {
      const name = nameOf('standing', stored)
      const isSame = this.#compared.get(name)
      if (isSame) return stored.expiresAt === null ? 'standing' : 'leaving'
      if (isSame === undefined) return { name, compare: () => this.#isOf(current, stored, now) }
    }
  }

  #judgeEnded(endedSecrets: EndedSecret[]): 'ended' | Uncompared | undefined {
    for (const ended of endedSecrets) {
      const name = nameOf('ended', ended)
      const isSame = this.#compared.get(name)
      if (isSame) return 'ended'
      if (isSame === undefined) return { name, compare: () => this.#secrets.matches(this.#secret, ended) }
    }
  }

  async #isOf(client: ClientRecord, stored: ClientSecret, now: Instant): Promise<boolean> {
    const found = await this.#secrets.find({ ...client, secrets: [stored] }, this.#secret, now, false)
    return found !== undefined
  }
}
