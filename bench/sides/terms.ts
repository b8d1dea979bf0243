/** The names that every side gets, so that all do the same work: one client, two resources, the same claims. */

export const ISSUER = 'https://issuer.example'
export const CLIENT_ID = 'bench'
export const SCOPE = 'demo:read'
/** Resources are URIs because oidc-provider takes no other (RFC 8707 §2). */
export const ES256_RESOURCE = 'https://es256.example'
export const RS256_RESOURCE = 'https://rs256.example'
export const LIFETIME_SECONDS = 900

/** Signet makes the secret; the other sides get the same secret. */
export interface Credentials {
  clientId: string
  secret: string
}

export const basic = ({ clientId, secret }: Credentials): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
})

export type Algorithm = 'ES256' | 'RS256'
