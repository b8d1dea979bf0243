/** `signet token …`: mints a token for an operator, or explains why a token is refused. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { OFFLINE_ACCESS, OPERATOR_CLIENT_ID, blankClient, hasOwnPrefix } from '../clients/client.ts'
import { clientChangeSchema } from '../clients/wire.ts'
import { MOST_SUBJECT_CHARACTERS, isSubject } from '../grants/grant.ts'
import { knows } from '../grants/scope.ts'
import { findNamed, haveOneShape } from '../grants/target.ts'
import { Fault } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import type { Issuer } from '../issuer.ts'
import { describeMissingResource } from '../resources/missing.ts'
import { BUILT_IN, isBuiltIn } from '../resources/resource.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { accessTokenTtl, type IssuedAccessToken } from '../tokens/access-token.ts'
import type { Inspection } from '../doctor/inspection.ts'
import { describeChecks, requireAllGood } from './checks.ts'
import { readArgument } from '../ground/standard-input.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { answer, bold, fieldList, note, visible } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, checkMetadata, collect, durationOption, readClaims } from './usage.ts'

interface MintOptions {
  sub: string
  resource?: string[]
  client?: string
  scope?: string
  ttl?: number
  claim?: string[]
}

/** For a longer life the command notes its cost. */
const LONG_TTL_SECONDS = 7 * 86_400

export function defineToken(token: Command): void {
  withExample(token, 'inspect "$ACCESS_TOKEN"')
  mayMakeDatabase(
    subcommand(
      token,
      'mint',
      'sign an access token without a client asking for it',
      'mint --sub ops --scope signet:admin --ttl 10m',
    ),
  )
    .requiredOption('--sub <sub>', 'for whom')
    .option(
      '--resource <id>',
      'for which resource; a scope of signet: needs none, it is for the issuer (repeatable)',
      collect,
    )
    .option('--client <id>', 'in the name of a client, with its claims')
    .option('--scope <scopes>', 'separated by spaces, e.g. signet:admin for the admin API')
    .option('--ttl <duration>', 'its life', durationOption)
    .option('--claim <name=value>', 'a claim of it; value is JSON, else text (repeatable)', collect)
    .action(mint)
  subcommand(
    token,
    'inspect',
    'what is in a token, and every check with its outcome',
    'inspect "$ACCESS_TOKEN" --resource https://orders.example',
  )
    .argument('<token>', 'as it is, or - to read it from stdin')
    .option('--resource <id>', 'the audience that it should have')
    .action(inspect)
}

async function mint(options: MintOptions, command: Command): Promise<void> {
  const claims = readClaims(options.claim) ?? {}
  requireSubject(options.sub)
  if (options.ttl === 0) throw new UsageError('--ttl: a token lives 1s at least')
  const { scope = [] } = checkMetadata(clientChangeSchema, { scope: options.scope }, { scope: '--scope' })
  if (scope.includes(OFFLINE_ACCESS))
    throw new UsageError('--scope: offline_access asks for a refresh token, and none is minted here')
  if (options.resource === undefined && !scope.some(hasOwnPrefix))
    throw new UsageError('--resource is missing: the API that the token is for', 'see them all: signet resource list')
  await withIssuerOrNew(command, async (issuer) => {
    const plan = () => {
      const client = requireClient(options.client, issuer)
      const resources = requireResources(options.resource ?? [issuer.issuer], scope, issuer)
      requireNotRefused(client.clientId, options.sub, issuer)
      const ttlSeconds = options.ttl ?? accessTokenTtl(client, resources, issuer.lifetimes)
      const { clientId } = client
      return { clientId, sub: options.sub, resources, scope, claims: { ...client.claims, ...claims }, ttlSeconds }
    }
    const issued = await issuer.accessTokens.issue(plan)
    const { accessToken, terms } = issued
    const { ttlSeconds } = terms
    await recordMinting(issued, issuer)
    const result = {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: ttlSeconds,
      ...(scope.length > 0 && { scope: scope.join(' ') }),
    }
    const ifLost = `the token is lost; to end it: signet blacklist add --jti ${issued.jti}`
    answer(command, result, () => fieldList(result), ifLost)
    if (ttlSeconds > LONG_TTL_SECONDS)
      note(
        'its signing key stays published until it has expired; a long-lived token is revoked with: signet blacklist add --token',
      )
  })
}

function requireSubject(sub: string): void {
  if (sub !== '' && isSubject(sub)) return
  throw new UsageError(`--sub has 1 to ${MOST_SUBJECT_CHARACTERS} characters, none of them a control character`)
}

function requireClient(id: string | undefined, { clients, store }: Issuer): ClientRecord {
  if (id === undefined) return blankClient(OPERATOR_CLIENT_ID, store.now())
  const client = clients.find(id)
  if (!client) throw new Fault(`client "${id}" does not exist`, 'see: signet client list')
  if (client.disabledAt !== null)
    throw new Fault(`client "${id}" is disabled`, `enable it with: signet client enable ${shell(id)}`)
  return client
}

function requireResources(ids: string[], scope: string[], { resources }: Issuer): ResourceRecord[] {
  const known = [resources.issuer, ...resources.ids()]
  const named = ids.map((id) => findNamed(id, known) ?? id)
  const ofOthers = named.includes(resources.issuer) ? [] : scope
  const chosen = [...new Set(named)].map((id) => {
    const resource = resources.find(id)
    if (resource) return resource
    const { fault, help } = describeMissingResource(id, resources.issuer, { scope: ofOthers, known })
    throw new Fault(fault, help)
  })
  for (const resource of chosen) {
    const unknown = scope.find((value) => !knows(resource, value))
    if (unknown !== undefined)
      throw new Fault(
        `scope "${unknown}" is not one of resource ${resource.id}`,
        isBuiltIn(resource) ? `it ${BUILT_IN}; name the API that has the scope` : 'see: signet resource list',
      )
  }
  if (!haveOneShape(chosen))
    throw new Fault('these resources want different algorithms, token types or keys', 'mint one token for each')
  return chosen
}

/** The message names the blacklist entry: an operator may know it, a client may not. */
function requireNotRefused(clientId: string, sub: string, { blacklist }: Issuer): void {
  const entry = blacklist.findRefusing('client_id', clientId) ?? blacklist.findRefusing('sub', sub)
  if (entry)
    throw new Fault(
      `${entry.kind} "${entry.value}" is on the blacklist: nothing is issued for it`,
      `lift the entry with: signet blacklist remove ${entry.id}`,
    )
}

async function recordMinting({ jti, terms }: IssuedAccessToken, { audit, store }: Issuer): Promise<void> {
  const details = {
    client_id: terms.clientId,
    sub: terms.sub,
    aud: terms.resources.map(({ id }) => id).join(' '),
    scope: terms.scope.join(' '),
    expires_in: terms.ttlSeconds,
  }
  await store.recordAudit([audit.event('token.minted', jti, { ...BY_CLI, details })])
}

async function inspect(text: string, { resource }: { resource?: string }, command: Command): Promise<void> {
  const token = await readArgument(text)
  const { inspectToken } = await import('../doctor/inspection.ts')
  await withIssuer(async (issuer) => {
    const inspection = await inspectToken(token, issuer, { resource })
    answer(command, inspection, () => describeInspection(inspection))
    requireAllGood(inspection.checks)
  })
}

function describeInspection({ header, claims, checks, active }: Inspection): string {
  const part = (title: string, members: Record<string, unknown> | null) =>
    members ? [bold(title), fieldList(members), ''] : []
  return [
    ...part('header', header),
    ...part('claims', claims),
    describeChecks(checks),
    '',
    visible(active ? 'active' : 'not active'),
  ].join('\n')
}
