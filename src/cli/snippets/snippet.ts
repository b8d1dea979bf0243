/** The values that a snippet is made from, and how each language writes them. */
import { shell } from '../../ground/shell-word.ts'

/** An API and a client of it, as far as code that is pasted somewhere must know them. */
export interface Facts {
  issuer: string
  jwksUri: string
  /** Whether the key set is at a place that discovery does not lead to. */
  hasOwnKeys: boolean
  tokenEndpoint: string
  introspectionEndpoint: string
  clientId: string
  authMethod: string
  /** The grant that the client gets its tokens by. */
  grantType: string
  audience: string
  /** The scopes that the client may ask for at this API. */
  scope: string[]
  alg: string
  typ: string
}

export interface Snippet {
  snippet: string
  /** A remark that is printed beside it. */
  notes: string[]
}

/** A string of JavaScript in the house's own quotes. */
export const js = (text: string): string => (/['\\\n]/.test(text) ? JSON.stringify(text) : `'${text}'`)

/** A string of Python, Go or YAML: all three read JSON's. */
export const quoted = (text: string): string => JSON.stringify(text)

/** How an API calls itself towards the issuer, which shows by it who has seen the next key. */
export const nameOf = (audience: string): string =>
  audience
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|(?<![-.])[-.]+$/g, '')
    .slice(0, 60) || 'api'

/** The command that makes a token to try it with, without the client's secret. */
export const mintCommand = ({ clientId, audience, scope }: Facts): string =>
  [
    'signet token mint --sub try',
    `--client ${shell(clientId)}`,
    `--resource ${shell(audience)}`,
    ...(scope.length > 0 ? [`--scope ${shell(scope.join(' '))}`] : []),
    '--ttl 10m',
  ].join(' ')
