/** `signet resource snippet` and `signet client snippet`: code to paste, with everything filled in but the secret. */
import { Option, type Command } from 'commander'
import { Fault, notFound } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { registeredResources } from '../grants/target.ts'
import type { Issuer } from '../issuer.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { requireNamed, withNamed } from './named.ts'
import { withIssuer } from './open-issuer.ts'
import { answer } from './output.ts'
import { CALLER_TARGETS, fillCaller } from './snippets/caller.ts'
import { GUARD_TARGETS, fillGuard } from './snippets/guard.ts'
import { subcommand } from './subcommand.ts'
import { UsageError } from './usage.ts'

export function defineGuardSnippet(resource: Command): void {
  const elsewhere = (target: string): string | undefined =>
    CALLER_TARGETS.includes(target) ? `for whoever calls it: signet client snippet CLIENT --for ${target}` : undefined
  subcommand(
    resource,
    'snippet <id>',
    'code that guards an API, ready to paste',
    'snippet https://orders.example --for express > app.mjs',
  )
    .addOption(targetOption(GUARD_TARGETS, elsewhere))
    .action(printGuard)
}

export function defineCallerSnippet(client: Command): void {
  const elsewhere = (target: string): string | undefined =>
    GUARD_TARGETS.includes(target)
      ? `for whoever guards an API: signet resource snippet RESOURCE --for ${target}`
      : undefined
  subcommand(
    client,
    'snippet <id>',
    'code that calls an API with tokens of the client, ready to paste',
    'snippet billing --for node > signet-tokens.mjs',
  )
    .addOption(targetOption(CALLER_TARGETS, elsewhere))
    .option('--resource <id>', 'the API, when it is not the first of the client')
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
  withIssuer(async (opened) => {
    const { issuer, resourceRegistry } = opened
    if (id === issuer) throw new Fault(`${id} is the issuer itself, which guards its own API`, 'name a resource')
    await requireNamed('resource', id, opened)
    print(command, target, fillGuard(target, await resourceRegistry.get(id), issuer))
  })

interface CallerOptions {
  for: string
  resource?: string
}

const printCaller = (id: string, { for: target, resource: named }: CallerOptions, command: Command): Promise<void> =>
  withNamed('client', id, async (issuer) => {
    const client = await issuer.clientRegistry.get(id)
    const resourceId = chooseResource(client, named, issuer)
    const resource = issuer.resources.find(resourceId)
    if (!resource) throw notFound(`resource ${resourceId} of client ${id}`)
    print(command, target, fillCaller(target, client, resource, issuer.issuer))
  })

/** @throws Fault for a resource that the client may not name */
function chooseResource(client: ClientRecord, named: string | undefined, { issuer }: Issuer): string {
  const registered = registeredResources(client, issuer)
  if (named === undefined) return registered[0] ?? issuer
  if (registered.includes(named)) return named
  throw new Fault(
    `--resource: read ${JSON.stringify(named)}; accepted for client ${client.clientId}: ${registered.join(', ')}`,
    `more: signet client update ${shell(client.clientId)} --resource …`,
  )
}

const print = (command: Command, target: string, snippet: string): void =>
  answer(command, { for: target, snippet }, () => snippet.trimEnd())
