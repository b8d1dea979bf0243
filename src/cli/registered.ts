/** The text about a client that was made or changed: the secret, the request for a token, and the next command. */
import type { Command } from 'commander'
import { AUTHORIZATION_CODE, SUBJECT_GRANT, isPublicClient } from '../clients/client.ts'
import type { RegisteredClient, RotatedClient } from '../clients/registration.ts'
import { MOST_LEAVING } from '../clients/secret-overlap.ts'
import { clientMetadata, rotatedMetadata } from '../clients/wire.ts'
import { toIso } from '../ground/clock.ts'
import { shell } from '../ground/shell-word.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import type { Issuer } from '../issuer.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { answer, fieldList, note, visible } from './output.ts'
import { ownCommand } from './place.ts'
import { usualTarget } from './snippets/caller.ts'

/** Answers with the client as JSON, or with what its maker needs next. */
export function answerCreated(command: Command, registered: RegisteredClient, { issuer }: Issuer): void {
  const { client, secret } = registered
  answer(
    command,
    clientMetadata(client, secret),
    () =>
      [
        ...describeAccess(registered, issuer),
        `# ${describeMethod(client)}`,
        `# Code to paste: ${ownCommand()} client snippet ${shell(client.clientId)} --for ${usualTarget(client)}`,
        `# All of it: ${ownCommand()} client show ${shell(client.clientId)}`,
      ].join('\n'),
    anotherSecret(client.clientId, secret),
  )
  noteSecret(secret)
}

/** Name and secret of a client that was made, and the request that gets a token by them. */
export function describeAccess(registered: RegisteredClient, issuer: string): string[] {
  const { client, secret } = registered
  const named = fieldList({ client_id: client.clientId, ...(secret !== undefined && { client_secret: secret }) })
  return [
    named,
    '',
    ...(client.grantTypes.includes(AUTHORIZATION_CODE) ? signInOf(client, issuer) : []),
    ...requestOf(registered, issuer),
  ]
}

/** The steps for an app in which people sign in. Public clients cannot go without PKCE. */
function signInOf(client: ClientRecord, issuer: string): string[] {
  const steps = `# People sign in with it: give the app's OpenID Connect library the issuer ${issuer}, and the lines above`
  if (!client.requirePkce || isPublicClient(client)) return [steps]
  const withoutPkce = `${ownCommand()} client update ${shell(client.clientId)} --require-pkce false`
  return [steps, `# The library has to use PKCE; for one that cannot: ${withoutPkce}`]
}

/** Answers with the client as JSON, or with what was done to it; a secret that was made is shown. */
export const answerChanged = (command: Command, { client, secret }: RegisteredClient, done: string): void =>
  answerSecret(command, clientMetadata(client, secret), secret, done)

/** The same for a rotation. @param overlap in seconds; without one every earlier secret ends, as was asked for */
export function answerRotated(command: Command, rotated: RotatedClient, overlap: number): void {
  const { client, secret, endedSecrets } = rotated
  const ends = client.secrets.flatMap(({ expiresAt }) => expiresAt ?? [])
  const until = ends.length > 0 ? `; the one before is taken until ${toIso(Math.max(...ends))}` : ''
  const metadata = rotatedMetadata(client, secret, endedSecrets)
  answerSecret(command, metadata, secret, `client ${client.clientId} has a new secret${until}`)
  if (overlap === 0) return
  for (const { id, createdAt, lastUsedAt } of endedSecrets) {
    const use = lastUsedAt === null ? 'has no use on record' : `was used last at ${toIso(lastUsedAt)}`
    note(
      `the secret ${id} of ${toIso(createdAt)} ended now and ${use}: beside the new secret at most ${MOST_LEAVING} are good`,
    )
  }
}

type Shown = ReturnType<typeof clientMetadata>

function answerSecret(command: Command, metadata: Shown, secret: string | undefined, done: string): void {
  answer(
    command,
    metadata,
    () => [visible(done), ...(secret === undefined ? [] : [fieldList({ client_secret: secret })])].join('\n'),
    anotherSecret(metadata.client_id, secret),
  )
  noteSecret(secret)
}

/** The step for a secret that nobody has seen; `undefined` where none was made. */
export const anotherSecret = (clientId: string, secret: string | undefined): string | undefined =>
  secret === undefined ? undefined : `its secret is lost; another: signet client rotate-secret ${shell(clientId)}`

function noteSecret(secret: string | undefined): void {
  if (secret !== undefined) note('client_secret is shown this once and is not kept')
}

/** The request for a token with everything filled in; none where the client has to sign it, or sends people instead. */
function requestOf({ client, secret }: RegisteredClient, issuer: string): string[] {
  const grant = ['client_credentials', SUBJECT_GRANT].find((each) => client.grantTypes.includes(each))
  const proof = proofOf(client, secret)
  if (grant === undefined || proof === undefined) return []
  const [resource] = client.resources
  const parameters = [
    `grant_type=${grant}`,
    ...(grant === SUBJECT_GRANT ? ['subject=PERSON'] : []),
    ...(resource === undefined ? [] : [`resource=${resource}`]),
  ]
  const data = parameters.map((each) => `--data-urlencode ${shell(each)}`)
  return ['# A token:', ['curl -sS', ...proof, ...data, shell(endpointUrl(issuer, '/token'))].join(' ')]
}

/** The arguments of curl that authenticate a client (RFC 6749 §2.3.1), where a secret was made. */
function proofOf({ clientId, tokenEndpointAuthMethod: method }: ClientRecord, secret?: string): string[] | undefined {
  if (secret === undefined) return undefined
  if (method === 'client_secret_basic') return ['-u', shell(`${encodeURIComponent(clientId)}:${secret}`)]
  return ['--data-urlencode', shell(`client_id=${clientId}`), '-d', shell(`client_secret=${secret}`)]
}

function describeMethod({ clientId, tokenEndpointAuthMethod: method }: ClientRecord): string {
  if (method === 'none') return 'It authenticates by nothing: it is a public client'
  if (method !== 'private_key_jwt') return 'It authenticates by its secret, in HTTP Basic or in the form'
  const change = `${ownCommand()} client update ${shell(clientId)} --auth-method client_secret_basic`
  return `It authenticates by a JWT that it signs, and in no other way; to change it: ${change}`
}
