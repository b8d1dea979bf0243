/**
 * An API that tells clients where to get a token for it: its metadata (RFC 9728), and challenges that point there. The
 * adapters apply it to every response of the app.
 */
import { requireKnown } from './known-options.ts'
import { protectedResourceMetadata, type ProtectedResource } from './resource-metadata.ts'
import { jsonAnswer, emptyAnswer, type Answer } from './answer.ts'

export interface ProtectedResourceOptions extends Omit<ProtectedResource, 'authorizationServers'> {
  /** The issuer of its tokens, or several. */
  issuer: string | readonly string[]
}

const OPTIONS = ['resource', 'issuer', 'scopes', 'name', 'documentation', 'dpopBoundAccessTokensRequired', 'allowHttp']

/** Browsers read it from any page. It holds no secret. */
const PUBLIC = { 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' }

export class PublishedResource {
  /** The path of the metadata. */
  readonly path: string
  readonly #url: string
  readonly #document: Record<string, unknown>
  readonly #scope: string | undefined

  /** @throws TypeError naming the option that is wrong */
  constructor({ issuer, ...options }: ProtectedResourceOptions) {
    requireKnown('protectedResource', { issuer, ...options }, OPTIONS)
    if (issuer === undefined) throw new TypeError('issuer is missing: the issuer of the tokens')
    const authorizationServers = typeof issuer === 'string' ? [issuer] : issuer
    const { path, url, document } = protectedResourceMetadata({ ...options, authorizationServers })
    this.path = path
    this.#url = url
    this.#document = document
    this.#scope = options.scopes && options.scopes.length > 0 ? options.scopes.join(' ') : undefined
  }

  /** @returns the answer if the request is for the metadata */
  answer(method: string, target: string): Answer | undefined {
    if (target !== this.path) return undefined
    if (method === 'GET' || method === 'HEAD') return jsonAnswer(200, this.#document, { headers: PUBLIC })
    const allow = 'GET, HEAD, OPTIONS'
    if (method !== 'OPTIONS') return emptyAnswer(405, { allow })
    return emptyAnswer(204, {
      allow,
      ...PUBLIC,
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': '*',
    })
  }

  /**
   * The challenge of a response, completed: a 401 points to the metadata (RFC 9728 §5.1), and a 403 for a missing scope
   * names scopes (RFC 6750 §3).
   * @param challenge `WWW-Authenticate` as the app has set it
   * @returns `undefined` if nothing is to be added
   */
  challenge(status: number, challenge: string | undefined): string | undefined {
    const pointer = { resource_metadata: this.#url }
    if (status === 401) return completed(challenge ?? 'Bearer', pointer)
    const isForScope = status === 403 && challenge?.includes('insufficient_scope') === true
    return isForScope ? completed(challenge, { scope: this.#scope, ...pointer }) : undefined
  }
}

/** Whether a challenge names a parameter, after a blank or a comma. */
const hasParameter = (challenge: string, name: string): boolean =>
  challenge
    .toLowerCase()
    .split(/[\s,]/)
    .slice(1)
    .some((part) => part.startsWith(`${name}=`))

/** Adds the parameters that a challenge lacks. Beside one of another scheme, such as Basic, comes one of our own. */
function completed(challenge: string, parameters: Record<string, string | undefined>): string | undefined {
  const added = Object.entries(parameters)
    .filter(([name, value]) => value !== undefined && !hasParameter(challenge, name))
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')
  if (added === '') return undefined
  if (!/^\s*(Bearer|DPoP)\b/i.test(challenge)) return `${challenge}, Bearer ${added}`
  return `${challenge.trim()}${/^\w+$/.test(challenge.trim()) ? ' ' : ', '}${added}`
}
