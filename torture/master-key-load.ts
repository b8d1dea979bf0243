/** The master key is changed again and again under load, as an operator changes it, and nobody notices. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Ended } from '../harness/program.ts'
import { Caller } from './caller.ts'
import type { Context } from './fault.ts'
import { allOf, control, exactly, type Finding } from './finding.ts'
import { Journal } from './journal.ts'
import { MEMBERS, type Place } from './place.ts'
import { Load } from './replicas/load.ts'
import { operatorAt } from './replicas/cluster.ts'

/** How long it may take until the load has moved everything to the new key. */
const MOVED_WITHIN_MS = 30_000

export interface MasterKeyPlace {
  place: Place
  /** The address of one server, or of all in turn. */
  url: string
  /** Makes another key current, on every server. @returns the id of the former */
  rotate(): Promise<string>
  /** The operator takes the key out of wherever it still stands. */
  takeOut(id: string): void
}

export async function changeUnderLoad(context: Context, here: MasterKeyPlace): Promise<Finding[]> {
  const changes = context.count(2, 10)
  const app = await register(here)
  const load = new Load(app, context.count(50, 100))
  await load.prepare()
  let isOver = false
  const running = load.run(() => isOver)
  let retired = 0
  for (let change = 0; change < changes; change++) {
    const former = await here.rotate()
    if (await retire(here, former)) retired++
    context.progress(`${change + 1} of ${changes} changes, ${load.sent} requests`)
  }
  isOver = true
  await running
  const { lost, doublyValid } = await load.check()
  const failed = [...load.wrong, ...load.unavailableAt.map(() => '503')]
  const note = `${load.sent} requests at ${load.perSecond.toFixed(0)}/s: /refresh, /token, /introspect, key set`
  return [
    exactly('failed requests', failed.length + load.broken, 0, failed[0] ?? note),
    allOf('master keys changed, the former retired without force', retired, changes),
    exactly('families lost', lost.length, 0, lost[0]),
    exactly('tokens doubly valid', doublyValid, 0),
    await controlOf(here),
  ]
}

/** A client with a generated secret: its digest is made with the master key. */
async function register({ url, place }: MasterKeyPlace): Promise<Caller> {
  const { status, text, body } = await (await operatorAt(url, place))('/admin/api/clients', MEMBERS)
  if (status !== 201) throw new Error(`no client: ${status} ${text}`)
  return new Caller(url, { clientId: body.client_id, secret: body.client_secret })
}

/** Asks until nothing needs the key any more: the load moves secrets and grants to the current key. */
async function retire({ place, takeOut }: MasterKeyPlace, id: string): Promise<boolean> {
  const deadline = performance.now() + MOVED_WITHIN_MS
  for (;;) {
    const ended = await place.run(['master-key', 'retire', '--', id])
    if (ended.code === 0) {
      takeOut(id)
      return true
    }
    if (!/is needed by|try again/.test(ended.stderr)) throw new Error(ended.stderr)
    if (performance.now() > deadline) return false
    await pause(500)
  }
}

/** A key that is retired by force before anything has moved ends the families of before. */
async function controlOf({ rotate, place, url }: MasterKeyPlace): Promise<Finding> {
  // The operator has brought the secret of this client, so that it needs no master key.
  const app = new Caller(url, place.app)
  const journal = new Journal()
  await journal.open(app, 3)
  await command(place, ['retire', '--force', '--json', '--', await rotate()])
  const verdicts = await Promise.all(journal.families.map((family) => journal.check(family, app)))
  const lost = verdicts.filter((verdict) => verdict.lost !== undefined).length
  return control('retired by force at once', `${lost} of 3 families lost`, '0', lost === 3)
}

/** Runs `signet master-key …`. An operator gives a command again that says so. @throws Error where it fails all the same */
export async function command(place: Place, args: string[]): Promise<Record<string, unknown>> {
  for (let tries = 1; ; tries++) {
    const ended = await place.run(['master-key', ...args])
    if (ended.code === 0 || tries === 5 || !ended.stderr.includes('try again')) return jsonOf(ended)
  }
}

function jsonOf({ code, stdout, stderr }: Ended): Record<string, unknown> {
  if (code !== 0) throw new Error(stderr)
  // `--json` promises one JSON value; an object for the commands used here.
  return JSON.parse(stdout) as Record<string, unknown>
}

/** The id of the key that seals now. */
export async function currentKey(place: Place): Promise<string> {
  // The command promises a list of keys.
  const keys = JSON.parse((await place.run(['master-key', 'list', '--json'])).stdout) as {
    id: string
    status: string
  }[]
  const current = keys.find(({ status }) => status === 'current')
  if (!current) throw new Error('no master key is current')
  return current.id
}
