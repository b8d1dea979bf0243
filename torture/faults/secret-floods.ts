/** Floods of wrong client secrets: in the form that Signet generates, and in another form, which costs argon2id. */
import { setTimeout as pause } from 'node:timers/promises'
import { watchMemory } from '../../harness/proc.ts'
import { Caller, orNothing, type Credentials } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, below, control, exactly, type Finding } from '../finding.ts'
import { answersOf, countOf, flood, isDefect, type FloodResult } from '../flood.ts'
import { percentile, probe, type Probe } from '../latency.ts'
import { MEMBERS, preparePlace, type Place } from '../place.ts'
import { wrongSecretRequests } from '../wrong-credentials.ts'

const P99_MS = 200
const MEMORY_MB = 100
/** Four clients take turns, 100 requests a second in all. */
const EVERY_MS = 40
const CONNECTIONS = 64
/** The first token of an attacked client that this process has not seen yet must come within this time. */
const FIRST_TOKEN_MS = 5000
/** Rates a second: a digest costs microseconds, argon2id tens of milliseconds and a thread. */
const RATES = { generated: 3000, brought: 300 }

export const secretFloods: Fault = {
  name: 'secret-floods',
  title: 'floods of wrong secrets',
  async run(context) {
    const seconds = context.count(4, 60)
    const scene = await setUp(context)
    return [
      ...(await attack(context, scene, { kind: 'generated', seconds })),
      ...(await attack(context, scene, { kind: 'brought', seconds })),
      await controlOf(scene),
    ]
  },
}

interface Scene {
  place: Place
  url: string
  pid: number
  generated: Pair
  brought: Pair
  administration: Caller
  headers: Record<string, string>
}

/** An attacked client and a client that is left alone; both have the same kind of secret. */
interface Pair {
  attacked: Credentials
  other: Credentials
}

async function setUp(context: Context): Promise<Scene> {
  const place = preparePlace(context, { clients: { attacked: {}, newcomer: {}, untouched: {} } })
  const { url, pid } = await place.start()
  const administration = new Caller(url)
  const headers = { authorization: `Bearer ${await new Caller(url, place.operator).accessToken()}` }
  const register = async (clientId: string): Promise<Credentials> => {
    const json = { client_id: clientId, ...MEMBERS }
    const { body, text } = await administration.send('/admin/api/clients', { method: 'POST', headers, json })
    if (body.client_secret === undefined) throw new Error(`no client ${clientId}: ${text}`)
    return { clientId, secret: body.client_secret }
  }
  const generated = { attacked: await register('generated-attacked'), other: await register('generated-other') }
  const brought = { attacked: place.client('attacked'), other: place.client('untouched') }
  return { place, url, pid, generated, brought, administration, headers }
}

interface Attack {
  kind: 'generated' | 'brought'
  seconds: number
}

async function attack(context: Context, scene: Scene, { kind, seconds }: Attack): Promise<Finding[]> {
  context.progress(`wrong ${kind} secrets`)
  const { url, pid } = scene
  const newcomer = scene.place.client('newcomer')
  const victims = [scene[kind].attacked, ...(kind === 'brought' ? [newcomer] : [])]
  const callers = [scene.generated, scene.brought].flatMap(({ attacked, other }) => [attacked, other])
  const clients = callers.map((credentials) => new Caller(url, credentials))
  for (const client of clients) await client.accessToken()
  const roseMb = watchMemory(pid)
  let over = false
  const probes = clients.map((client) =>
    probe(
      () => tokenFor(client),
      EVERY_MS,
      () => over,
    ),
  )
  const requests = wrongSecretRequests(context.random, kind, victims)
  const flooding = flood(context, url, { perSecond: RATES[kind], seconds, connections: CONNECTIONS, requests })
  const first = kind === 'brought' ? await firstTokenMs(new Caller(url, newcomer), seconds * 1000) : undefined
  const flooded = await flooding
  over = true
  const good = joined(await Promise.all(probes))
  return [...findingsOf(kind, flooded, good, roseMb()), ...(first === undefined ? [] : [firstFinding(first)])]
}

const FROM_ELSEWHERE = { 'x-forwarded-for': '203.0.113.20' }

const tokenFor = (client: Caller) =>
  client.send('/token', { headers: FROM_ELSEWHERE, form: { grant_type: 'client_credentials' } })

const joined = (probes: Probe[]): Probe => ({
  tookMs: probes.flatMap(({ tookMs }) => tookMs),
  failures: probes.reduce((sum, { failures }) => sum + failures, 0),
})

/** Retries like a client that follows `Retry-After`, but sooner. NaN where no token comes. */
async function firstTokenMs(client: Caller, withinMs: number): Promise<number> {
  const began = performance.now()
  await pause(500) // the flood is under way
  const tries = performance.now()
  while (performance.now() - began < withinMs) {
    if ((await orNothing(tokenFor(client)))?.status === 200) return performance.now() - tries
    await pause(250)
  }
  return NaN
}

const firstFinding = (ms: number): Finding =>
  below('… first token of an attacked client that this process had not seen', ms / 1000, FIRST_TOKEN_MS / 1000, 's')

function findingsOf(kind: string, flooded: FloodResult, good: Probe, roseMb: number): Finding[] {
  const { sent, seconds, heldBack } = flooded
  const p99 = percentile(good.tookMs, 99)
  return [
    atLeast(`wrong ${kind} secrets a second`, sent / seconds, 100, '', `${answersOf(flooded)}; ${heldBack} held back`),
    exactly(
      '… that were let in',
      countOf(flooded, (status) => status < 400),
      0,
    ),
    exactly('… 5xx other than 503', countOf(flooded, isDefect), 0),
    below('… p99 of `/token` of others, and of the attacked', p99, P99_MS, 'ms', `${good.tookMs.length} requests`),
    exactly('… right secrets that were refused, of the attacked too', good.failures, 0),
    below('… memory grew by', roseMb, MEMORY_MB, 'MB'),
  ]
}

/** The same question about a client that is locked out. */
async function controlOf({ generated, url, administration, headers }: Scene): Promise<Finding> {
  const { clientId } = generated.attacked
  await administration.send(`/admin/api/clients/${clientId}/disable`, { method: 'POST', headers })
  const { status } = await tokenFor(new Caller(url, generated.attacked))
  return control('a client that is locked out, by disabling it', `${status}`, '200', status !== 200)
}
