/** JWTs that are made to be expensive, at every place that takes a JWT: they must be refused, and quickly. */
import { compactDecrypt } from 'jose'
import { createTokenVerifier, TokenError } from '../../verifiers/node/src/index.ts'
import { Caller, orNothing, type Answer } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, below, control, type Finding } from '../finding.ts'
import { BOMBS } from '../jwt-bombs.ts'
import { jwtPlaces, modelOf, type JwtPlace } from '../jwt-places.ts'
import { percentile } from '../latency.ts'
import { startLogging } from '../log-file.ts'
import { preparePlace, type Place } from '../place.ts'

const REFUSED_WITHIN_MS = 5
/** The first requests do not count: V8 compiles a function only after it was called some times. */
const WARM_UPS = 5
/** Rounds of a key derivation that takes tens of milliseconds; the bomb asks for two thousand million rounds. */
const BELIEVED_ROUNDS = 200_000
/** The verifier reads no longer token. Characters. */
const VERIFIER_ROOM = 16_000

export const jwtBombs: Fault = {
  name: 'jwt-bombs',
  title: 'JWT bombs',
  async run(context) {
    const times = context.count(9, 101)
    const place = preparePlace(context)
    const { server, durations } = await startLogging(place)
    const findings: Finding[] = []
    for (const each of await jwtPlaces(server.url, place)) {
      const thrown = await throwAt(each, times)
      findings.push(...findingsOf(each.name, thrown.refused, costsOf(thrown, durations()), thrown.defects))
      context.progress(each.name)
    }
    const issued = await new Caller(server.url, place.app).accessToken()
    findings.push(...(await tryVerifier(context, server.url, issued, times)))
    findings.push(await commandLine(place, issued, context.count(6, BOMBS.length)), await controlOf())
    return findings
  },
}

interface Thrown {
  refused: number
  /** Missing responses, and responses that show a defect. */
  defects: string[]
  answers: Map<string, (Answer | undefined)[]>
}

async function throwAt({ model, send, isRefused }: JwtPlace, times: number): Promise<Thrown> {
  const thrown: Thrown = { refused: 0, defects: [], answers: new Map() }
  for (const { name, make } of BOMBS) {
    const bomb = make(model)
    const answers: (Answer | undefined)[] = []
    for (let time = 0; time < WARM_UPS + times; time++) answers.push(await orNothing(send(bomb)))
    thrown.answers.set(name, answers.slice(WARM_UPS))
    if (answers.every((answer) => answer && isRefused(answer))) thrown.refused++
    else thrown.defects.push(`${name}: ${strange(answers.find((answer) => !answer || !isRefused(answer)))}`)
  }
  return thrown
}

const strange = (answer: Answer | undefined): string =>
  answer ? `${answer.status} ${answer.text.slice(0, 80)}` : 'no answer'

/**
 * In ms, by the server's own log where it has the request, else as the caller measured it. A bomb costs the same each
 * time, and other work of the machine only adds to it; so the lower quartile counts.
 */
function costsOf({ answers }: Thrown, durations: Map<string, number>): Map<string, number> {
  const tookMs = (answer: Answer | undefined) =>
    answer ? (durations.get(String(answer.headers.get('x-request-id'))) ?? answer.tookMs) : Infinity
  return new Map([...answers].map(([name, all]) => [name, percentile(all.map(tookMs), 25)]))
}

/** The cost of a verification in an API, in ms of processor time; medians. */
async function tryVerifier(context: Context, url: string, issued: string, times: number): Promise<Finding[]> {
  const jwksUri = `${url}/.well-known/jwks.json`
  const verifier = createTokenVerifier({ issuer: 'http://localhost', jwksUri, audience: 'api' })
  context.onEnd(() => verifier.close())
  const outcomeOf = async (token: string): Promise<string> => {
    try {
      await verifier.verifyToken(token)
      return 'accepted'
    } catch (error) {
      return error instanceof TokenError && error.status === 401 ? 'refused' : String(error)
    }
  }
  const costs = new Map<string, number>()
  const defects: string[] = []
  for (const bomb of BOMBS) {
    const token = bomb.make(modelOf(issued, VERIFIER_ROOM))
    const tookMs: number[] = []
    for (let time = 0; time < WARM_UPS + times; time++) {
      const began = process.cpuUsage()
      const outcome = await outcomeOf(token)
      const { user, system } = process.cpuUsage(began)
      tookMs.push((user + system) / 1000)
      if (outcome !== 'refused' && time === 0) defects.push(`${bomb.name}: ${outcome}`)
    }
    costs.set(bomb.name, percentile(tookMs.slice(WARM_UPS), 50))
  }
  return findingsOf('verifyToken of signet-verify', BOMBS.length - defects.length, costs, defects)
}

function findingsOf(place: string, refused: number, costs: Map<string, number>, defects: string[]): Finding[] {
  const [slowest = ['none', NaN]] = [...costs].toSorted(([, a], [, b]) => b - a)
  return [
    allOf(`${place}: bombs refused`, refused, BOMBS.length, defects.join('; ')),
    below('… the dearest', slowest[1], REFUSED_WITHIN_MS, 'ms', slowest[0]),
  ]
}

/** The whole command, which names the fault in JSON. The bombs with the deepest nesting come first. */
async function commandLine(place: Place, issued: string, count: number): Promise<Finding> {
  const deepFirst = BOMBS.toSorted((a, b) => Number(b.name.startsWith('nested')) - Number(a.name.startsWith('nested')))
  const runs = deepFirst.slice(0, count).map(async ({ name, make }) => {
    const { code, stdout, stderr } = await place.run(['token', 'inspect', make(modelOf(issued, 20_000)), '--json'])
    return code === 1 && stdout.startsWith('{') ? [] : [`${name}: ${code} ${stderr.slice(0, 80)}`]
  })
  const broken = (await Promise.all(runs)).flat()
  return allOf('`signet token inspect`: verdicts', count - broken.length, count, broken.join('; '))
}

/** A receiver that makes as many rounds as `p2c` asks for. */
async function controlOf(): Promise<Finding> {
  const header = { alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2s: 'c2FsdHNhbHQ', p2c: BELIEVED_ROUNDS }
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const parts = [JSON.stringify(header), 'k'.repeat(40), 'v'.repeat(12), 'text', 't'.repeat(16)]
  const options = { keyManagementAlgorithms: [header.alg], maxPBES2Count: BELIEVED_ROUNDS }
  const began = performance.now()
  await compactDecrypt(parts.map(encode).join('.'), Buffer.from('password'), options).catch(() => {})
  const tookMs = performance.now() - began
  const found = `${tookMs.toFixed(0)} ms for ${BELIEVED_ROUNDS} rounds`
  return control('a receiver that believes `p2c`', found, `< ${REFUSED_WITHIN_MS} ms`, tookMs >= REFUSED_WITHIN_MS)
}
