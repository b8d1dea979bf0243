/**
 * Hashes of what people choose: passwords, and client secrets that an operator brings. Both can be guessed, so each guess
 * has to be expensive (OWASP, argon2id). Callers that anybody can reach wait in a `PasswordQueue`.
 */
import { createRequire } from 'node:module'
import type Argon2 from 'argon2'

const require = createRequire(import.meta.url)

/** Loaded at the first hash: an issuer of services has secrets of its own making alone. Node keeps what it has loaded. */
const load = () => require('argon2') as typeof Argon2 // sound: its types are those of what it exports to `require`

/** OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. The type is its number in RFC 9106 §3.1. */
const PARAMETERS = { type: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** An encoded hash of a secret that nobody has: compared with where there is no other, so that it takes the same time. */
export const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,p=1,t=2$RAhc4DBL55WiilhaU5PfRw$8X1FawU2VoOXreYyqS/SnRAUuRrmyTrEfrKAhC8DNLc'

/** An encoded hash with a salt of its own. */
export const slowHash = (secret: string): Promise<string> => load().hash(secret, PARAMETERS)

export const matchesSlowHash = (encoded: string, secret: string): Promise<boolean> => load().verify(encoded, secret)

/** Whether a hash was made with smaller parameters than today's. */
export const isOutdated = (encoded: string): boolean => load().needsRehash(encoded, PARAMETERS)
