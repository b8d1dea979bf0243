/** `signet doctor`: what is wrong, and what helps: with the deployment, with a token, or with one request. */
import type { Command } from 'commander'
import { toIso } from '../clock.ts'
import type { AuditEvent, Store } from '../store/store.ts'
import { bad, good, inspectToken, type Check } from '../tokens/inspection.ts'
import { describeChecks, requireAllGood } from './checks.ts'
import { withExistingIssuer } from './open-issuer.ts'
import { answer } from './output.ts'
import { checkTokenFromAfar, lookAtIssuer } from './remote-issuer.ts'
import { readTokenArgument } from './token.ts'
import { UsageError } from './usage.ts'

interface DoctorOptions {
  resource?: string
  issuer?: string
  jwks?: string
  request?: string
}

/** A running server writes down what it refused within five seconds. */
const NOTES_ARRIVE_WITHIN_MS = 6000
const LOOK_EVERY_MS = 500

export function defineDoctor(command: Command): void {
  command
    .argument('[token]', 'a token to examine, or - to read it from stdin')
    .option('--resource <id>', 'the audience that the token should have')
    .option('--issuer <url>', 'look from outside, as an app does that trusts this issuer: ours or any other')
    .option('--jwks <url>', 'the key set that your app uses, when not the one of the metadata')
    .option('--request <id>', 'what is on record of a request, by its X-Request-Id')
    .addHelpText(
      'after',
      '\nWithout a token it examines the deployment.\n\nExamples:\n  signet doctor\n  signet doctor "$ACCESS_TOKEN" --resource https://orders.example --issuer https://auth.example',
    )
    .action(doctor)
}

async function doctor(given: string | undefined, options: DoctorOptions, command: Command): Promise<void> {
  const issuer = readUrl('--issuer', options.issuer)
  const jwksUri = readUrl('--jwks', options.jwks)
  const token = given === undefined ? undefined : await readTokenArgument(given)
  const checks = await examine(token, { issuer, jwksUri, resource: options.resource, request: options.request })
  answer(command, checks, () => describeChecks(checks))
  requireAllGood(checks)
}

function readUrl(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || (/^https?:\/\//.test(text) && URL.canParse(text))) return text
  throw new UsageError(`${flag}: read ${JSON.stringify(text)}; accepted: an http or https URL`)
}

interface Question {
  issuer: string | undefined
  jwksUri: string | undefined
  resource: string | undefined
  request: string | undefined
}

async function examine(token: string | undefined, { issuer, jwksUri, resource, request }: Question): Promise<Check[]> {
  const aboutRequest = request === undefined ? [] : await withExistingIssuer(({ store }) => recall(request, store))
  if (issuer !== undefined || jwksUri !== undefined)
    return [...aboutRequest, ...(await lookFromOutside(token, { issuer, jwksUri, resource }))]
  if (token !== undefined)
    return [
      ...aboutRequest,
      ...(await withExistingIssuer(async (rooms) => (await inspectToken(token, rooms, { resource })).checks)),
    ]
  if (request !== undefined) return aboutRequest
  const { checkDeployment } = await import('./deployment.ts')
  return checkDeployment(process.env)
}

async function lookFromOutside(
  token: string | undefined,
  { issuer, jwksUri, resource }: Omit<Question, 'request'>,
): Promise<Check[]> {
  const unreachableFix = 'check the URL, and whether a firewall or proxy stands between here and there'
  const remote = await lookAtIssuer({ issuer, jwksUri, prepublishSeconds: undefined, unreachableFix })
  return token === undefined
    ? remote.checks
    : [...remote.checks, ...(await checkTokenFromAfar(token, remote.jwks, { issuer, resource }))]
}

/** What the audit trail holds about one request. */
async function recall(requestId: string, store: Store): Promise<Check[]> {
  const started = performance.now()
  for (;;) {
    const events = await store.listAudit({ requestId, limit: 100 })
    if (events.length > 0) return events.toReversed().map((event) => good('request', describeEvent(event)))
    if (performance.now() - started > NOTES_ARRIVE_WITHIN_MS) break
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  const fix = `search the server's log for "request_id":"${requestId}": it has the exact reason of every refusal`
  return [bad('request', `nothing is on record of request ${requestId}: it changed nothing`, fix)]
}

function describeEvent({ at, action, target, actor, details }: AuditEvent): string {
  const more = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`)
  return [`${toIso(at)} ${action} ${target} by ${actor}`, ...more].join(' ')
}
