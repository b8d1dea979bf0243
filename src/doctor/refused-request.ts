/**
 * Why a request was refused. Its caller got a uniform error and an id. Changes, and refusals that may be attacks, are in the
 * audit trail; the exact reason of every refusal is in the server's log alone.
 */
import { readFileSync } from 'node:fs'
import { toIso } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import { codeOf } from '../ground/file-access.ts'
import { namesLike } from '../ground/fingerprint.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { AuditEvent } from '../store/records/audit.ts'
import type { Store } from '../store/store.ts'
import { bad, good, warn, type Check } from './check.ts'
import { shell } from '../ground/shell-word.ts'
import { findRepair } from './repairs.ts'
import { readArgument } from '../ground/standard-input.ts'

/** A running server writes its refusals to the audit trail within five seconds. */
const NOTES_ARRIVE_WITHIN_MS = 6000
const LOOK_EVERY_MS = 500

/** The events of the audit trail about a request, or the step that leads further. */
export async function recallRequest(requestId: string, store: Store): Promise<Check[]> {
  const started = performance.now()
  for (;;) {
    const events = await store.listAudit({ requestId, limit: 100 })
    if (events.length > 0) return events.toReversed().map(judgeEvent)
    if (performance.now() - started > NOTES_ARRIVE_WITHIN_MS) break
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  return [
    bad(
      'request',
      `the audit trail has nothing of request ${requestId}: no request had this id, or it changed nothing and its reason stands in the server's log alone`,
      `search the log for "request_id":"${requestId}", or have it read: journalctl -u signet -o cat | signet doctor --request ${shell(requestId)} --log -`,
    ),
  ]
}

/** Refusals among the events of the audit trail; all others are things that were done. */
const REFUSED: Readonly<Record<string, string>> = {
  'client.unknown': 'no client of the id that was sent',
  'client.wrong_secret': 'wrong or expired secret',
  'client.assertion_refused': 'assertion refused',
  'client.assertion_replayed': 'assertion refused: its jti was used before',
  'grant.reuse_detected': 'refresh token reuse',
  'grant.code_reused': 'authorization code reuse',
}

function judgeEvent({ at, action, target, actor, details }: AuditEvent): Check {
  const more = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`)
  const event = [`${toIso(at)} ${action} ${target} by ${actor}`, ...more].join(' ')
  const reason = REFUSED[action]
  if (reason === undefined) return good('request', event)
  return bad(
    'request',
    `refused: ${reason} (${event})`,
    findRepair(withDetail(action, reason, details), { clientId: target }),
  )
}

/** The trail says why an assertion was refused, where the keys that it needs could not be had. */
const withDetail = (action: string, reason: string, { reason: detail }: AuditEvent['details']): string =>
  action === 'client.assertion_refused' && typeof detail === 'string' ? `${reason}: ${detail}` : reason

type Known = Pick<ClientRecord, 'clientId' | 'scope'>

interface LogLine {
  request_id: string
  time?: string
  method?: string
  route?: string
  status?: number
  client_id?: string
  error?: string
  reason?: string
  dropped_scope?: string
}

/**
 * The exact reason from a log, JSON or pretty.
 * @param clients all clients, where they are known
 * @throws Fault where the file cannot be read
 */
export async function readRequestFromLog(
  requestId: string,
  file: string,
  clients: readonly Known[] = [],
): Promise<Check[]> {
  const line = findLine(requestId, await readLog(file))
  if (!line)
    return [
      bad(
        'request',
        `the log that was given has no request ${requestId}`,
        'give the log of the time and replica that served it; SIGNET_LOG_LEVEL must be info or debug',
      ),
    ]
  const { method = '', route = '', status = 0, client_id: clientId, error, reason, time } = line
  const where = [time, method, route, status, clientId && `by ${clientId}`].filter(Boolean).join(' ')
  if (error === undefined && status < 400)
    return [good('request', `it was not refused: ${where}`), ...droppedScope(line, clients), ...stoppedAt(line)]
  return [
    bad(
      'request',
      `refused with ${error ?? status}: ${reason ?? 'no reason noted'} (${where})`,
      findRepair(reason ?? error ?? '', { clientId, route, similar: idsLike(reason, clients) }),
    ),
  ]
}

/** The client or the resource does not have what was asked for, so the person was signed in without it. */
function droppedScope({ dropped_scope: dropped, client_id: id = 'ID' }: LogLine, clients: readonly Known[]): Check[] {
  if (dropped === undefined) return []
  const registered = clients.find(({ clientId }) => clientId === id)?.scope ?? []
  const lacks = dropped.split(' ').filter((each) => !registered.includes(each))
  return [bad('scope', `scope dropped: ${dropped}`, lacks.length > 0 ? addScope(id, registered, lacks) : FOR_RESOURCE)]
}

const FOR_RESOURCE =
  'the client has it, and no resource that it names: signet resource list; signet resource update ID --scope names all scopes of one'

/** `--scope` replaces what is registered, so it names all; `…` is no scope, and is refused. */
const addScope = (id: string, registered: readonly string[], lacks: readonly string[]): string =>
  `register it: signet client update ${shell(id)} --scope ${shell([...(registered.length > 0 ? registered : ['…']), ...lacks].join(' '))}; a resource has to have it too: signet resource list`

/** The person was shown a page that asks for more than the app may have expected. */
const stoppedAt = ({ reason, client_id: clientId, route }: LogLine): Check[] =>
  reason === undefined ? [] : [warn('request', reason, findRepair(reason, { clientId, route }))]

const idsLike = (reason = '', clients: readonly Known[]): string[] =>
  namesLike(
    reason,
    clients.map(({ clientId }) => clientId),
  ).slice(0, 5)

async function readLog(file: string): Promise<string> {
  // Stdin may be a pipe that is still being written to, which cannot be read at once.
  if (file === '-') return readArgument('-')
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Fault(
      `--log: ${file} cannot be read (${codeOf(error)})`,
      'name the file that holds the log, or - for stdin',
    )
  }
}

function findLine(requestId: string, log: string): LogLine | undefined {
  for (const line of log.split('\n').filter((each) => each.includes(requestId))) {
    try {
      // The pretty form writes its fields as JSON too, behind time and level, and `error` on a line of its own.
      const fields: unknown = JSON.parse(line.slice(line.indexOf('{')))
      if (fields && typeof fields === 'object' && 'request_id' in fields && fields.request_id === requestId)
        return fields as LogLine // written by our own log, whose fields have these types
    } catch {
      // A line of something else that names the id.
    }
  }
  return undefined
}
