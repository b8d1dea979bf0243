/** Every parameter that `/openapi.json` describes, with every hostile value: refused in good order, or served. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { slotsOf, type Slot } from '../described-slots.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, control, exactly, type Finding } from '../finding.ts'
import { canHold, hostileRequest } from '../hostile-requests.ts'
import { setUp, type HostileScene } from '../hostile-scene.ts'
import { HOSTILE_VALUES, type Hostile } from '../hostile-values.ts'
import { exchange, headerOf, type RawAnswer } from '../raw-exchange.ts'

const AT_ONCE = 8

/** RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 7591 §3.2.2, RFC 8628 §3.5, RFC 8707 §2, RFC 9449 §12.2. */
const REGISTERED = new Set(
  `invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type invalid_scope
   temporarily_unavailable invalid_token insufficient_scope unsupported_token_type invalid_redirect_uri
   invalid_client_metadata slow_down invalid_target invalid_dpop_proof use_dpop_nonce`.split(/\s+/),
)

/** What may be wrong with an answer. */
const FAULTS = ['unanswered', '5xx', 'reflected', 'no registered error', 'may be stored', 'header injected'] as const
type AnswerFault = (typeof FAULTS)[number]

interface Tally {
  requests: number
  /** Answers that served the request all the same. */
  served: number
  faults: Map<AnswerFault, string[]>
}

interface Trial {
  slot: Slot
  hostile: Hostile
  mark: string
}

export const hostileParameters: Fault = {
  name: 'hostile-parameters',
  title: 'every parameter of every endpoint × hostile values',
  async run(context) {
    const scene = await setUp(context)
    const { text } = await scene.app.send('/openapi.json')
    const slots = slotsOf(text)
    const rounds = context.count(1, 10)
    const trials = Array.from({ length: rounds }, () => slots.flatMap((slot) => trialsOf(context, slot, scene))).flat()
    const tally = await tryAll(context, scene, { port: Number(new URL(scene.server.url).port), trials })
    return [...findingsOf(tally, slots), await stillGood(scene), await controlOf(context, scene, trials)]
  },
}

function trialsOf(context: Context, slot: Slot, scene: HostileScene): Trial[] {
  const others = scene.others[slot.name]
  const values = [
    ...HOSTILE_VALUES,
    ...(others === undefined ? [] : [{ name: "another client's", bytes: () => others }]),
  ]
  return values
    .filter((hostile) => canHold(slot, hostile))
    .map((hostile) => ({ slot, hostile, mark: `zq${context.random.between(1e8, 1e9)}qz` }))
}

async function tryAll(context: Context, scene: HostileScene, { port, trials }: { port: number; trials: Trial[] }) {
  const tally: Tally = { requests: 0, served: 0, faults: new Map(FAULTS.map((name) => [name, []])) }
  const waiting = trials.values()
  const work = async (): Promise<void> => {
    for (const trial of waiting) {
      const answer = await exchange(port, hostileRequest(trial.slot, trial.hostile, trial.mark, scene))
      tally.requests++
      if (answer && answer.status < 400) tally.served++
      for (const fault of faultsOf(trial, answer)) tally.faults.get(fault)?.push(describe(trial, answer))
      context.progress(`${tally.requests} of ${trials.length} requests`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return tally
}

function faultsOf({ slot, mark }: Trial, answer: RawAnswer | undefined): AnswerFault[] {
  if (!answer) return ['unanswered']
  const { status, head, body } = answer
  const { isPublic, isForClients, method } = slot.operation
  const isServed = status < 400
  // An administrator who makes or reads a record gets what is in it.
  const isRecord = isServed && !isPublic && !isForClients
  const mayBeStored = isPublic && isServed && method === 'GET'
  const found: AnswerFault[] = []
  if (status >= 500) found.push('5xx')
  if (!isRecord && (head + body).includes(mark)) found.push('reflected')
  if (!isServed && !hasRegisteredError(body)) found.push('no registered error')
  if (!mayBeStored && headerOf(answer, 'cache-control') !== 'no-store') found.push('may be stored')
  if (headerOf(answer, 'x-injected') !== undefined) found.push('header injected')
  return found
}

function hasRegisteredError(body: string): boolean {
  try {
    const { error, error_description: description } = JSON.parse(body) as Record<string, unknown> // null throws
    return typeof error === 'string' && REGISTERED.has(error) && typeof description === 'string'
  } catch {
    return false
  }
}

const describe = ({ slot, hostile }: Trial, answer: RawAnswer | undefined): string =>
  `${slot.operation.method} ${slot.operation.path}, ${slot.in} ${slot.name} ${hostile.name}: ` +
  (answer ? `${answer.status} ${answer.body.slice(0, 120)}` : 'no answer')

const findingsOf = ({ requests, served, faults }: Tally, slots: Slot[]): Finding[] => [
  atLeast('requests made', requests, slots.length * 10, '', `${slots.length} parameters; ${served} were served`),
  ...FAULTS.map((name) => exactly(`… ${name}`, faults.get(name)?.length ?? NaN, 0, samplesOf(faults.get(name) ?? []))),
]

const samplesOf = (all: string[]): string => all.slice(0, 3).join('; ')

/** What was sent has changed nothing for others: no prototype, no record, no process. */
async function stillGood({ app }: HostileScene): Promise<Finding> {
  const { status } = await app.send('/token', { form: { grant_type: 'client_credentials', scope: 'read' } })
  return exactly('a good request afterwards', status, 200)
}

/** A server that does everything wrong. */
async function controlOf(context: Context, scene: HostileScene, trials: Trial[]): Promise<Finding> {
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on('end', () => outgoing.writeHead(500).end(decodeURIComponent(incoming.url ?? '')))
  })
  context.onEnd(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
  const unknown = trials.filter(({ slot, hostile }) => slot.in === 'query' && hostile.name === 'unknown')
  const { faults } = await tryAll(context, scene, { port, trials: unknown })
  const found = (['5xx', 'reflected', 'no registered error', 'may be stored'] as const).map(
    (name) => faults.get(name)?.length,
  )
  const fails = unknown.length > 0 && found.every((count) => count === unknown.length)
  return control('a server that echoes, with 500', `${found.join(', ')} of ${unknown.length}`, '0 of each', fails)
}
