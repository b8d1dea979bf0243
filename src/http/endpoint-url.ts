/** Public URLs come from the configured issuer alone, never from what a request says of its host. */

/**
 * The public URL of an endpoint. The issuer keeps its exact spelling; endpoints hang below it whether or not
 * it ends with a slash. A path that was asked for below the issuer's own is not put below it twice.
 */
export function endpointUrl(issuer: string, path: string): string {
  const base = issuer.replace(/\/$/, '')
  const prefix = basePath(issuer)
  return base + (prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path)
}

/** The path of the issuer, without a slash at its end; empty where it has none. */
export const basePath = (issuer: string): string => new URL(issuer).pathname.replace(/\/$/, '')
