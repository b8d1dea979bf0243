/** The paths that no limit closes: verifiers and watchers need them most when there is most of everything. */
import type { IncomingMessage } from 'node:http'

/** Tells requests for health, keys, metadata and the feed from all others. Each is answered from memory. */
export function openPaths(issuer: string): (incoming: IncomingMessage) => boolean {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  const documents = ['openid-configuration', 'oauth-authorization-server'].map((name) => `/.well-known/${name}`)
  const paths = [...documents, '/.well-known/jwks.json', '/blacklist/feed', '/livez', '/readyz']
  const open = new Set([...paths, ...paths.map((path) => base + path), ...documents.map((path) => path + base)])
  const keySets = ['/jwks/', `${base}/jwks/`]
  return ({ method, url = '' }) => {
    if (method !== 'GET' && method !== 'HEAD') return false
    const query = url.indexOf('?')
    return open.has(query < 0 ? url : url.slice(0, query)) || keySets.some((prefix) => url.startsWith(prefix))
  }
}
