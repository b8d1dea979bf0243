/** Secrets that a browser or a client brings back: cookies, codes and links. The database knows their hashes alone. */
import { hash, randomBytes } from 'node:crypto'

/** 256 random bits in base64url. */
export const newSecretValue = (): string => randomBytes(32).toString('base64url')

/** As the database keeps the secret of a cookie, a code or a link: SHA-256 in base64url. */
export const hashOf = (secret: string): string => hash('sha256', secret, 'base64url')
