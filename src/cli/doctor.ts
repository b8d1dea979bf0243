/** `signet doctor`: finds faults of the deployment, of a token or of one request, and says what helps. */
import type { Command } from 'commander'
import type { Check } from '../doctor/check.ts'
import { inspectToken } from '../doctor/inspection.ts'
import { checkPaste, cleanPaste, refreshTokenForApi, type Pasted } from '../doctor/pasted-token.ts'
import { describeChecks, requireAllGood } from './checks.ts'
import { withIssuer } from './open-issuer.ts'
import { answer } from './output.ts'
import { readRequestFromLog, recallRequest } from '../doctor/refused-request.ts'
import { lookAtIssuer } from '../doctor/remote-issuer.ts'
import { checkTokenFromAfar } from '../doctor/remote-token.ts'
import { readConfig } from '../config/config.ts'
import { Fault } from '../ground/errors.ts'
import { readArgument } from '../ground/standard-input.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { UsageError } from './usage.ts'

interface DoctorOptions {
  resource?: string
  issuer?: string
  jwks?: string
  request?: string
  log?: string
}

export function defineDoctor(command: Command): void {
  command
    .argument('[token]', 'a token to examine, or - to read it from stdin')
    .option('--resource <id>', 'the audience that the token should have')
    .option('--issuer <url>', 'look from outside, as an app does that trusts this issuer: ours or any other')
    .option('--jwks <url>', 'the key set that your app uses, when not the one of the metadata')
    .option('--request <id>', 'why a request was refused, by its X-Request-Id')
    .option('--log <file>', 'with --request: the server log to look into, or - for stdin')
    .addHelpText(
      'after',
      '\nWithout a token it examines the deployment.\n\nExamples:\n  signet doctor\n  signet doctor "$ACCESS_TOKEN" --resource https://orders.example --issuer https://auth.example\n  journalctl -u signet -o cat | signet doctor --request ID --log -',
    )
    .action(doctor)
}

interface Question {
  pasted: Pasted | undefined
  issuer: string | undefined
  jwksUri: string | undefined
  resource: string | undefined
  request: string | undefined
  log: string | undefined
}

async function doctor(given: string | undefined, options: DoctorOptions, command: Command): Promise<void> {
  if (options.log !== undefined && options.request === undefined)
    throw new UsageError('--log goes with --request: which request is to be looked for?')
  if (options.log === '-' && given === '-') throw new UsageError('token and log cannot both come from stdin')
  if (options.resource !== undefined && given === undefined)
    throw new UsageError('--resource is the audience that a token should have: name the token as well')
  const question = {
    issuer: readUrl('--issuer', options.issuer),
    jwksUri: readUrl('--jwks', options.jwks),
    pasted: given === undefined ? undefined : await readPasted(given),
    resource: options.resource,
    request: options.request,
    log: options.log,
  }
  const checks = await examine(question)
  answer(command, checks, () => describeChecks(checks))
  requireAllGood(checks)
}

function readUrl(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || (/^https?:\/\//.test(text) && URL.canParse(text))) return text
  throw new UsageError(`${flag}: read ${JSON.stringify(text)}; accepted: an http or https URL`)
}

/** Standard input ends with a line break that does not belong to the token. */
async function readPasted(given: string): Promise<Pasted> {
  const text = await readArgument(given)
  return cleanPaste(given === '-' ? text.replace(/\r?\n$/, '') : text)
}

async function examine(question: Question): Promise<Check[]> {
  const { pasted, issuer, jwksUri, request } = question
  const checks = request === undefined ? [] : await explainRequest(request, question)
  if (pasted) checks.push(...checkPaste(pasted))
  if (issuer !== undefined || jwksUri !== undefined) return [...checks, ...(await lookFromOutside(question))]
  if (pasted) return [...checks, ...(await lookInside(pasted, question))]
  if (request !== undefined) return checks
  const { checkDeployment } = await import('../doctor/deployment.ts')
  const deployment = await checkDeployment(process.env)
  return [...deployment, ...(await examineDeclaration(deployment))]
}

/** Asked only where the deployment is sound: without its database and keys nothing can be compared. */
async function examineDeclaration(deployment: Check[]): Promise<Check[]> {
  const isOpenable = deployment.every(
    ({ check, ok }) => ok || !/^(configuration|node|database|master key)$/.test(check),
  )
  if (!isOpenable || readConfig(process.env).configFile === undefined) return []
  const { checkDeclared } = await import('../doctor/declared.ts')
  return withIssuer((issuer) => checkDeclared(issuer.config, issuer, process.env))
}

/** A given log has the exact reason. Without a log, the audit trail is asked. */
const explainRequest = async (request: string, { log }: Question): Promise<Check[]> =>
  log === undefined
    ? withIssuer(({ store }) => recallRequest(request, store))
    : readRequestFromLog(request, log, await listClients())

/** Of this deployment, where there is one: a log may be read on another machine. */
const listClients = (): Promise<ClientRecord[]> => withIssuer(({ store }) => store.listClients()).catch(() => [])

async function lookInside({ token }: Pasted, { resource }: Question): Promise<Check[]> {
  return withIssuer(async (issuer) => {
    const { checks } = await inspectToken(token, issuer, { resource })
    // The question is why an API refuses this token. A live refresh token is the wrong token for an API.
    return issuer.tokenState.isRefreshToken(token) ? [refreshTokenForApi(), ...checks] : checks
  })
}

async function lookFromOutside({ pasted, issuer, jwksUri, resource }: Question): Promise<Check[]> {
  const unreachableFix = 'check the URL, and whether a firewall or proxy stands between here and there'
  const place = { issuer, jwksUri, prepublishSeconds: undefined, allowsHttp: allowsHttp(), unreachableFix }
  const remote = await lookAtIssuer(place)
  return pasted ? [...remote.checks, ...(await checkTokenFromAfar(pasted, remote, resource))] : remote.checks
}

/** An app's machine may have no sound configuration of Signet, and needs none to look from outside. */
function allowsHttp(): boolean {
  try {
    return readConfig(process.env).allowHttp
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}
