/** `signet resource snippet` and `signet client snippet`: code to paste, with everything filled in but the secret. */
import { Option, type Command } from 'commander'
import { GRANT_TYPES } from '../clients/client.ts'
import { Fault, notFound } from '../ground/errors.ts'
import { registeredResources } from '../grants/target.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import type { Issuer } from '../issuer.ts'
import { keySetPath } from '../resources/resource.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { requireNamed, requireNamedClient } from './named.ts'
import { withExistingIssuer } from './open-issuer.ts'
import { answer, note } from './output.ts'
import { GUARD_TARGETS, fillGuard } from './snippets/guard.ts'
import { SNIPPETS } from './snippets/index.ts'
import type { Facts } from './snippets/snippet.ts'
import { UsageError } from './usage.ts'

export function defineGuardSnippet(resource: Command): void {
  const elsewhere = (target: string): string | undefined =>
    ['curl', 'openapi'].includes(target)
      ? `for whoever calls it: signet client snippet CLIENT --for ${target}`
      : undefined
  resource
    .command('snippet')
    .argument('<id>')
    .description('code that guards an API, ready to paste')
    .addOption(targetOption(GUARD_TARGETS, elsewhere))
    .addHelpText('after', '\nExample:\n  signet resource snippet https://orders.example --for express > app.mjs')
    .action(printGuard)
}

export function defineSnippet(client: Command): void {
  client
    .command('snippet')
    .argument('<id>')
    .description('code for its first resource, and for itself: what to paste where')
    .addOption(new Option('--for <target>', 'where it goes').choices(Object.keys(SNIPPETS)).makeOptionMandatory())
    .addHelpText('after', '\nExample:\n  signet client snippet orders --for express > app.mjs')
    .action(printCaller)
}

/** @param elsewhere the help for a target that another command has */
function targetOption(targets: readonly string[], elsewhere: (target: string) => string | undefined): Option {
  const accepted = targets.join(', ')
  return new Option('--for <target>', `where it goes: ${accepted}`)
    .argParser((target: string) => {
      if (targets.includes(target)) return target
      throw new UsageError(`--for: read ${JSON.stringify(target)}; accepted here: ${accepted}`, elsewhere(target))
    })
    .makeOptionMandatory()
}

interface GuardOptions {
  for: string
}

const printGuard = (id: string, { for: target }: GuardOptions, command: Command): Promise<void> =>
  withExistingIssuer(async ({ issuer, resourceRegistry }) => {
    if (id === issuer) throw new Fault(`${id} is the issuer itself, which guards its own API`, 'name a resource')
    const known = (await resourceRegistry.list()).map((each) => each.id)
    requireNamed('resource', id, known)
    print(command, target, fillGuard(target, await resourceRegistry.get(id), issuer))
  })

const printCaller = (id: string, { for: target }: { for: string }, command: Command): Promise<void> =>
  withExistingIssuer(async (issuer) => {
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

const print = (command: Command, target: string, snippet: string): void =>
  answer(command, { for: target, snippet }, () => snippet.trimEnd())
