/**
 * The parameters that a browser sends to a page, as they are. A page decides itself how it takes a parameter that is sent
 * twice: at /authorize the client must hear of it (OIDC Core §3.1.2.6), and only once its redirect URI is proven.
 */
const MOST_PAIRS = 100

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

  /** For a page that hands everything on. */
  entries(): readonly [string, string][] {
    return this.#pairs
  }
}
