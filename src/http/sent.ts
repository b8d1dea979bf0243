/**
 * The parameters that a browser sends to a page. No page takes a parameter that is sent twice. The pages that clients send
 * people to say so themselves: at /authorize the client must hear of it (OIDC Core §3.1.2.6), and only once its redirect
 * URI is proven.
 */
import { invalidRequest } from '../ground/errors.ts'

const MOST_PAIRS = 100
const OUR_NAME = /^[a-z_]{1,32}$/

export class SentParameters {
  readonly #pairs: readonly [name: string, value: string][]

  constructor(pairs: Iterable<[string, string]>) {
    this.#pairs = [...pairs].slice(0, MOST_PAIRS)
  }

  /** The first value that is not empty. */
  get(name: string): string | undefined {
    return this.#pairs.find(([each, value]) => each === name && value !== '')?.[1]
  }

  /** Every value that is not empty, in order. */
  all(name: string): string[] {
    return this.#pairs.flatMap(([each, value]) => (each === name && value !== '' ? [value] : []))
  }

  /** Whether the parameter was sent at all, be it empty. */
  has(name: string): boolean {
    return this.#pairs.some(([each]) => each === name)
  }

  /** Names that were sent more than once. */
  repeated(): string[] {
    const names = this.#pairs.map(([name]) => name)
    return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
  }

  /** @throws OAuthError 400 for a parameter that is sent twice: readers would differ in which one counts. */
  requireOnce(names: readonly string[] = this.repeated()): void {
    const twice = this.repeated().find((name) => names.includes(name))
    if (twice === undefined) return
    // The log keeps no name that is not of our form: it may be anything.
    throw invalidRequest(`${OUR_NAME.test(twice) ? twice : 'a parameter'} was sent more than once; once is right`)
  }

  /** For a page that hands everything on. */
  entries(): readonly [string, string][] {
    return this.#pairs
  }
}
