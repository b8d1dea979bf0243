/**
 * A token by curl, and a call with it. Secrets reach curl through its standard input: the arguments of a process can be
 * read by every user of the machine.
 */
import { ASSERTION_TYPE } from '../../clients/assertion.ts'
import { SUBJECT_GRANT } from '../../clients/client.ts'
import { shell } from '../../ground/shell-word.ts'
import type { Facts, Snippet } from './snippet.ts'

export const curl = (facts: Facts): Snippet => {
  const { intro, config, flags } = credentials(facts)
  const parameters = [
    ...flags,
    `-d grant_type=${facts.grantType}`,
    ...(facts.grantType === SUBJECT_GRANT
      ? ['--data-urlencode "subject=${SUBJECT:?the person that you signed in}"']
      : []),
    `--data-urlencode ${shell(`resource=${facts.audience}`)}`,
    ...(facts.scope.length > 0 ? [`--data-urlencode ${shell(`scope=${facts.scope.join(' ')}`)}`] : []),
    shell(facts.tokenEndpoint),
  ]
  return {
    snippet: `#!/bin/sh
set -eu
${intro}
# 1. Get a token; keep it until it expires, and do not ask for one per call.
ANSWER=$(${config}curl -sS ${parameters.join(' \\\n  ')})
ACCESS_TOKEN=$(printf '%s\\n' "$ANSWER" | sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')
[ -n "$ACCESS_TOKEN" ] || { printf '%s\\n' "$ANSWER" >&2; exit 1; }

# 2. Call the API: one header, the word Bearer, one space, the token.
printf 'header = "Authorization: Bearer %s"\\n' "$ACCESS_TOKEN" |
  curl -fsS --config - "\${API_URL:-${defaultUrl(facts)}}"
`,
    notes: ['why a token is refused: signet doctor "$ACCESS_TOKEN" --resource ' + shell(facts.audience)],
  }
}

/** A resource that is a URL is where its API is, as a rule; one that is a plain name tells no place. */
const defaultUrl = ({ audience }: Facts): string =>
  /^https?:\/\/[\w.:/-]+$/.test(audience) ? audience : 'http://localhost:8080/'

/** Every byte percent-encoded, as forms and Basic credentials need it (RFC 6749 §2.3.1), by programs of POSIX. */
const ENCODE = `encode() { od -An -v -tx1 | tr -d ' \\n' | sed 's/../%&/g'; }\n`

interface Credentials {
  /** Lines before the request. */
  intro: string
  /** Writes the secret for curl's `--config -`, and pipes it on; empty where there is none. */
  config: string
  flags: string[]
}

/** @param line of curl's configuration, in which %s is the encoded value of the variable */
const piped = (variable: string, line: string): Pick<Credentials, 'config'> => ({
  config: `printf '${line.replaceAll("'", `'\\''`)}\\n' "$(printf %s "$${variable}" | encode)" |\n  `,
})

function credentials({ authMethod, clientId }: Facts): Credentials {
  const id = encodeURIComponent(clientId)
  const secret =
    `# Shown once, when the client was made; another one: signet client rotate-secret ${shell(clientId)}\n` +
    `: "\${CLIENT_SECRET:?is not set}"\n${ENCODE}`
  const stdin = '--config -'
  switch (authMethod) {
    case 'none':
      return { intro: '', config: '', flags: [`-d client_id=${shell(id)}`] }
    case 'private_key_jwt':
      return {
        intro:
          '# A JWT that your client signs: iss and sub its client_id, aud the issuer, exp within 10 minutes, a new jti each time.\n' +
          `: "\${CLIENT_ASSERTION:?is not set}"\n${ENCODE}`,
        ...piped('CLIENT_ASSERTION', 'data = "client_assertion=%s"'),
        flags: [stdin, `-d client_assertion_type=${ASSERTION_TYPE}`],
      }
    case 'client_secret_post':
      return {
        intro: secret,
        ...piped('CLIENT_SECRET', 'data = "client_secret=%s"'),
        flags: [stdin, `-d client_id=${shell(id)}`],
      }
    default:
      // Each % of the encoded id is doubled, because printf reads % as the start of a format.
      return {
        intro: secret,
        ...piped('CLIENT_SECRET', `user = "${id.replaceAll('%', '%%')}:%s"`),
        flags: [stdin],
      }
  }
}
