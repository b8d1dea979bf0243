/** A custom assistant whose action calls an API in the name of a person: the boxes of its editor, and the API. */
import { IssuerClient } from '../issuer-calls.ts'
import { randomSecret, startLocalSignet } from '../local-signet.ts'
import { addPeople } from '../people.ts'
import { announce, endAtSignal } from '../program.ts'
import { runSignet } from '../signet-command.ts'
import { AUDIENCE, createBridge } from './bridge.ts'

const OPERATOR = { id: 'bridge-operator', secretIn: 'BRIDGE_OPERATOR_SECRET' }

const signet = await startLocalSignet(new URL('signet.yaml', import.meta.url), [OPERATOR])
const password = randomSecret()
await addPeople(new IssuerClient(signet.issuer, OPERATOR), {
  groups: [],
  users: [
    { username: 'ada', name: 'Ada', email: 'ada@bridge.example' },
    { username: 'olga', name: 'Olga', groups: ['signet-admins'] },
  ],
  password,
})

const bridge = createBridge(signet.issuer)
const url = await bridge.listen({ host: '127.0.0.1', port: 0 })
endAtSignal(() => bridge.close(), signet.stop)

// Beside the preset: the API that the tokens are for, and its scope.
const create = [
  'client',
  'create',
  '--for',
  'chatgpt-action',
  '--url',
  url,
  '--id',
  'assistant',
  '--resource',
  AUDIENCE,
]
// The editor has two Token Exchange Methods; Signet takes the one that the client is registered for.
if (process.env.TOKEN_EXCHANGE === 'basic') create.push('--auth-method', 'client_secret_basic')
const boxes = await runSignet(signet, [...create, '--scope', 'openid notes'])

console.log(`$ signet ${create.join(' ')} --scope 'openid notes'\n${boxes}`)
announce(
  { signet: signet.issuer, bridge: url, password },
  `
Paste the boxes into the editor of the action. The callback that it shows after saving is not registered yet: sign in to
${signet.issuer}/account as olga, an operator, try the action in the same browser, and press 'Add this address'.
What the assistant does with the access token of ada, or yours:
  curl -H 'Authorization: Bearer TOKEN' ${url}/auth/me
  curl -H 'Authorization: Bearer TOKEN' ${url}/notes
Withdraw it as ada at ${signet.issuer}/account/apps: the next call is refused, and the assistant signs ada in again.`,
)
