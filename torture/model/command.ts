/**
 * The operations of a sequence. An operation names its object by counting back from the newest, so that a sequence
 * keeps its meaning when other operations are left out.
 */
import type { Random } from '../random.ts'

export type Command =
  | { act: 'issue'; client: number; person: number | null; offline: boolean }
  | { act: 'refresh'; back: number; generationsBack: number; stolen: boolean }
  | { act: 'revoke'; what: 'access' | 'refresh'; back: number }
  | { act: 'deny-token'; what: 'access' | 'refresh'; back: number }
  | { act: 'deny'; kind: 'jti' | 'sid' | 'sub' | 'client_id'; back: number; seconds: number | null }
  | { act: 'lift' | 'revoke-key'; back: number }
  | { act: 'rotate'; emergency: boolean }
  | { act: 'disable' | 'enable' | 'delete' | 'create'; client: number }
  | { act: 'advance'; seconds: number }
  | { act: 'restart' | 'kill' | 'look' }

type Maker = (random: Random) => Command

const what = (random: Random) => random.pick(['access', 'refresh'] as const)
const client = (random: Random): number => random.between(0, 2)
const back = (random: Random): number => random.pick([0, 0, 0, 1, 1, 2, 3, 5])

/** The weight of each operation, and its maker. */
const MAKERS: [number, Maker][] = [
  [8, issue],
  [10, refresh],
  [2, (random) => ({ act: 'revoke', what: what(random), back: back(random) })],
  [2, (random) => ({ act: 'deny-token', what: what(random), back: back(random) })],
  [3, deny],
  [3, (random) => ({ act: 'lift', back: back(random) })],
  [2, (random) => ({ act: 'rotate', emergency: random.next() < 0.5 })],
  [1, (random) => ({ act: 'revoke-key', back: random.between(0, 6) })],
  [1, (random) => ({ act: 'disable', client: client(random) })],
  [2, (random) => ({ act: 'enable', client: client(random) })],
  [1, (random) => ({ act: 'delete', client: client(random) })],
  [2, (random) => ({ act: 'create', client: client(random) })],
  [6, (random) => ({ act: 'advance', seconds: random.pick([5, 20, 60, 60, 120, 350, 700, 1500]) })],
  [1, (random) => ({ act: random.pick(['restart', 'kill'] as const) })],
  [3, () => ({ act: 'look' })],
]

const TOTAL = MAKERS.reduce((sum, [weight]) => sum + weight, 0)

export function drawCommand(random: Random): Command {
  let left = random.between(0, TOTAL)
  for (const [weight, make] of MAKERS) {
    if (left < weight) return make(random)
    left -= weight
  }
  throw new Error('the weights do not sum up')
}

function issue(random: Random): Command {
  const person = random.next() < 0.6 ? random.between(0, 2) : null
  return { act: 'issue', client: client(random), person, offline: random.next() < 0.7 }
}

function refresh(random: Random): Command {
  return {
    act: 'refresh',
    back: back(random),
    generationsBack: random.pick([0, 0, 0, 0, 1, 1, 2]),
    stolen: random.next() < 0.1,
  }
}

function deny(random: Random): Command {
  const kind = random.pick(['jti', 'sid', 'sub', 'client_id'] as const)
  return { act: 'deny', kind, back: back(random), seconds: random.next() < 0.3 ? 250 : null }
}
