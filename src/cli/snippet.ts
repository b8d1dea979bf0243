/** `signet client snippet`: what to paste where, with everything filled in but the secret, which nobody knows. */
import { Option, type Command } from 'commander'
import { GRANT_TYPES } from '../clients/client.ts'
import { notFound } from '../ground/errors.ts'
import { registeredResources } from '../grants/target.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import type { Issuer } from '../issuer.ts'
import { keySetPath } from '../resources/resource.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { requireNamedClient } from './named.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, note } from './output.ts'
import { SNIPPETS } from './snippets/index.ts'
import type { Facts } from './snippets/snippet.ts'

export function defineSnippet(client: Command): void {
  client
    .command('snippet')
    .argument('<id>')
    .description('code for its first resource, and for itself: what to paste where')
    .addOption(new Option('--for <target>', 'where it goes').choices(Object.keys(SNIPPETS)).makeOptionMandatory())
    .addHelpText('after', '\nExample:\n  signet client snippet orders --for express > app.mjs')
    .action(print)
}

const print = (id: string, { for: target }: { for: string }, command: Command): Promise<void> =>
  withIssuer(async (issuer) => {
    const make = SNIPPETS[target]
    if (!make) throw new Error(`no snippet for ${target}`)
    await requireNamedClient(id, issuer)
    const { snippet, notes } = make(gatherFacts(await issuer.clientRegistry.get(id), issuer))
    answer(command, { for: target, snippet, notes }, () => snippet.trimEnd())
    if (command.optsWithGlobals().json !== true) notes.forEach(note)
  })

function gatherFacts(client: ClientRecord, { issuer, resources }: Issuer): Facts {
  const [audience = issuer] = registeredResources(client, issuer)
  const resource = resources.find(audience)
  if (!resource) throw notFound(`resource ${audience}, the first of client ${client.clientId},`)
  const { scope: known, ownKeys: hasOwnKeys, alg, typ } = resource
  return {
    issuer,
    jwksUri: endpointUrl(issuer, hasOwnKeys ? keySetPath(audience) : '/.well-known/jwks.json'),
    hasOwnKeys,
    tokenEndpoint: endpointUrl(issuer, '/token'),
    introspectionEndpoint: endpointUrl(issuer, '/introspect'),
    clientId: client.clientId,
    authMethod: client.tokenEndpointAuthMethod,
    // The first that needs nothing of an earlier token.
    grantType: client.grantTypes.find((grant) => grant !== 'refresh_token') ?? GRANT_TYPES[0],
    audience,
    scope: client.scope.filter((value) => known === null || known.includes(value)),
    alg,
    typ,
  }
}
