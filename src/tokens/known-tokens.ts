/**
 * Remembers access tokens that were verified, because APIs ask about the same tokens again and again. It keeps
 * hashes, so that no token stays in memory. Time, keys and revocations are still checked each time.
 */
import { hash } from 'node:crypto'

/** Each takes about 1 KB. */
const MOST_KNOWN = 4000

export class KnownTokens<Verdict> {
  readonly #verdicts = new Map<string, Verdict>()

  /** The remembered verdict on a token, or a new one from `find`. Only verdicts that `keep` accepts are remembered. */
  verdictOn(token: string, find: () => Verdict, keep: (verdict: Verdict) => boolean): Verdict {
    const name = hash('sha256', token, 'base64url')
    const known = this.#verdicts.get(name)
    if (known !== undefined) return known
    const verdict = find()
    if (keep(verdict)) this.#remember(name, verdict)
    return verdict
  }

  /** The oldest verdict is removed when there is no room. */
  #remember(name: string, verdict: Verdict): void {
    if (this.#verdicts.size >= MOST_KNOWN) {
      const { value: oldest } = this.#verdicts.keys().next()
      if (oldest !== undefined) this.#verdicts.delete(oldest)
    }
    this.#verdicts.set(name, verdict)
  }
}
