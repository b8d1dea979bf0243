/**
 * Access tokens that verified a moment ago, because APIs ask about the same ones again and again. Kept by their hash,
 * so that no token lies about; what depends on time, keys and revocations is asked each time all the same.
 */
import { hash } from 'node:crypto'

/** Some 1 KB each. */
const MOST_KNOWN = 4000

export class KnownTokens<Verdict> {
  readonly #verdicts = new Map<string, Verdict>()

  /** What was found out about a token, or is now; only what `keep` says is good is kept. */
  verdictOn(token: string, find: () => Verdict, keep: (verdict: Verdict) => boolean): Verdict {
    const name = hash('sha256', token, 'base64url')
    const known = this.#verdicts.get(name)
    if (known !== undefined) return known
    const verdict = find()
    if (keep(verdict)) this.#remember(name, verdict)
    return verdict
  }

  /** The oldest gives way. */
  #remember(name: string, verdict: Verdict): void {
    if (this.#verdicts.size >= MOST_KNOWN) {
      const { value: oldest } = this.#verdicts.keys().next()
      if (oldest !== undefined) this.#verdicts.delete(oldest)
    }
    this.#verdicts.set(name, verdict)
  }
}
