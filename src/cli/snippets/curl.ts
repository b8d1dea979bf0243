/** A token by curl, and a call with it. */
import { ASSERTION_TYPE } from '../../clients/assertion.ts'
import { SUBJECT_GRANT } from '../../clients/client.ts'
import { shell } from '../../ground/shell-word.ts'
import type { Facts, Snippet } from './snippet.ts'

export const curl = (facts: Facts): Snippet => {
  const { intro, flags } = credentials(facts)
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
ANSWER=$(curl -sS ${parameters.join(' \\\n  ')})
ACCESS_TOKEN=$(echo "$ANSWER" | sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')
[ -n "$ACCESS_TOKEN" ] || { echo "$ANSWER" >&2; exit 1; }

# 2. Call the API: one header, the word Bearer, one space, the token.
curl -fsS -H "Authorization: Bearer $ACCESS_TOKEN" "\${API_URL:-${defaultUrl(facts)}}"
`,
    notes: ['why a token is refused: signet doctor "$ACCESS_TOKEN" --resource ' + shell(facts.audience)],
  }
}

/** A resource that is a URL is where its API is, as a rule; one that is a plain name tells no place. */
const defaultUrl = ({ audience }: Facts): string =>
  /^https?:\/\/[\w.:/-]+$/.test(audience) ? audience : 'http://localhost:8080/'

function credentials({ authMethod, clientId }: Facts): { intro: string; flags: string[] } {
  const id = shell(encodeURIComponent(clientId))
  const secret =
    `# Shown once, when the client was made; another one: signet client rotate-secret ${shell(clientId)}\n` +
    ': "${CLIENT_SECRET:?is not set}"\n'
  switch (authMethod) {
    case 'none':
      return { intro: '', flags: [`-d client_id=${id}`] }
    case 'private_key_jwt':
      return {
        intro:
          '# A JWT that your client signs: iss and sub its client_id, aud the issuer, exp within 10 minutes, a new jti each time.\n' +
          ': "${CLIENT_ASSERTION:?is not set}"\n',
        flags: [`-d client_assertion_type=${ASSERTION_TYPE}`, '-d client_assertion="$CLIENT_ASSERTION"'],
      }
    case 'client_secret_post':
      return { intro: secret, flags: [`-d client_id=${id}`, '--data-urlencode "client_secret=$CLIENT_SECRET"'] }
    default:
      return { intro: secret, flags: [`-u ${id}":$CLIENT_SECRET"`] }
  }
}
