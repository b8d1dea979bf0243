/** The signing keys by the contract: which keys are published, which key signs, and when a rotation is refused. */
import { LIVES } from './world.ts'

export interface ModelKey {
  kid: string
  alg: string
  status: 'next' | 'active' | 'retiring'
  createdAt: number
  /** The end of the last token that this key signed, as far as the model has seen; a key that signed none may go at any time. */
  neededUntil: number
}

/** Honest clocks differ by so much, and a verifier may accept a token for so long after its end. Seconds. */
const SKEW = 60

export class ModelRing {
  keys: ModelKey[]
  /** The algorithms of new keys, whose `kid` the model learns from the JWKS. */
  unknown: string[] = []

  constructor(keys: ModelKey[]) {
    this.keys = keys
  }

  #of = (alg: string, status: ModelKey['status']): ModelKey | undefined =>
    this.keys.find((key) => key.alg === alg && key.status === status)

  /** The key that signs. */
  active(alg: string): string | undefined {
    return this.#of(alg, 'active')?.kid
  }

  #mayRotate(alg: string, now: number): boolean {
    const [next, active] = [this.#of(alg, 'next'), this.#of(alg, 'active')]
    if (!next || !active) return false
    return next.createdAt <= active.createdAt || now >= next.createdAt + LIVES.prepublish
  }

  /** Rotates the keys of both algorithms, or of none. */
  rotate(emergency: boolean, now: number): '200' | '409' {
    const algs = ['ES256', 'RS256']
    if (!emergency && !algs.every((alg) => this.#mayRotate(alg, now))) return '409'
    for (const alg of algs) {
      const [next, active] = [this.#of(alg, 'next'), this.#of(alg, 'active')]
      if (active) active.status = 'retiring'
      if (next) next.status = 'active'
      this.unknown.push(alg)
    }
    return '200'
  }

  revoke(key: ModelKey): void {
    this.keys = this.keys.filter((each) => each !== key)
    if (key.status === 'retiring') return
    const next = this.#of(key.alg, 'next')
    if (key.status === 'active' && next) next.status = 'active'
    this.unknown.push(key.alg)
  }

  sees(kid: string, tokenEnds: number): void {
    const key = this.keys.find((each) => each.kid === kid)
    if (key) key.neededUntil = Math.max(key.neededUntil, tokenEnds)
  }

  /** Compares the model with the published keys. @returns the difference, or nothing */
  check(published: { kid: string; alg: string }[], now: number): string | undefined {
    const strangers = published.filter(({ kid }) => !this.keys.some((key) => key.kid === kid))
    for (const { kid, alg } of strangers) {
      const at = this.unknown.indexOf(alg)
      if (at < 0) return `the JWKS has a key that nobody made: ${kid}`
      this.unknown.splice(at, 1)
      this.keys.push({ kid, alg, status: 'next', createdAt: now, neededUntil: -Infinity })
    }
    if (this.unknown.length > 0) return `the JWKS lacks the new next key of ${this.unknown.join(', ')}`
    const missing = this.keys.filter(({ kid }) => !published.some((key) => key.kid === kid))
    const missed = missing.find(({ status, neededUntil }) => status !== 'retiring' || now < neededUntil + SKEW)
    if (missed) return `the JWKS lacks the ${missed.status} key ${missed.kid}`
    this.keys = this.keys.filter((key) => !missing.includes(key))
    return undefined
  }
}
