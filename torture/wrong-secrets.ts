/** Requests for a token with secrets that are wrong, of one hostile network and many addresses. */
import type { Credentials } from './caller.ts'
import type { Random } from './random.ts'
import { lettersOf } from './random-text.ts'

const GUESSES = 500

/** @param kind `generated` has the prefix of Signet's own secrets; `brought` has none, and is put to argon2id */
export function wrongSecretRequests(random: Random, kind: 'generated' | 'brought', victims: Credentials[]): string[] {
  return Array.from({ length: GUESSES }, () => {
    const { clientId } = random.pick(victims)
    const guess = (kind === 'generated' ? 'sgs_' : '') + lettersOf(random, 43)
    return tokenRequest({ clientId, secret: guess }, `X-Forwarded-For: 198.51.100.${random.between(1, 255)}\r\n`)
  })
}

/** The bytes of `POST /token` by `client_credentials`. */
export function tokenRequest({ clientId, secret }: Credentials, headers = ''): string {
  const authorization = `Authorization: Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}\r\n`
  return postForm('/token', 'grant_type=client_credentials', authorization + headers)
}

/** The bytes of a form that is posted. @param headers each with its line end */
export function postForm(path: string, body: string, headers = ''): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
    `${headers}\r\n${body}`,
  ].join('\r\n')
}
