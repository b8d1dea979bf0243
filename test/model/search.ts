/**
 * A breadth-first search through every state that a model can reach. States are plain values. Two states are the same if
 * their JSON is the same. The first state that breaks an invariant is told with the shortest way to it.
 */

/** A state that follows another one. */
export interface Step<State> {
  /** The event that leads to it. */
  says: string
  to: State
}

export interface Model<State> {
  initial: State
  /** Every event that can happen in a state. The model bounds itself: somewhere no event is left. */
  steps(state: State): Step<State>[] | Promise<Step<State>[]>
  /** By the sentence that must be true. Returns what is wrong, or `undefined`. */
  invariants: Record<string, (state: State) => string | undefined | Promise<string | undefined>>
}

export interface Searched {
  states: number
  steps: number
  /** Events on the longest of the shortest ways. */
  depth: number
  /** The first invariant that broke, with the events before. */
  broken?: { invariant: string; says: string; trace: string[] }
}

/** A model that reaches more is wrong: its bounds do not hold, and a search that stops early proves nothing. */
const MOST_STATES = 1_000_000

class Visited<State> {
  readonly states: State[] = []
  readonly #numbers = new Map<string, number>()
  readonly #origins: { from: number; says: string; depth: number }[] = []

  /** @returns whether the state is new */
  add(state: State, from: number, says: string): boolean {
    const key = JSON.stringify(state)
    if (this.#numbers.has(key)) return false
    if (this.states.length >= MOST_STATES) throw new Error(`the model has more than ${MOST_STATES} states`)
    this.#numbers.set(key, this.states.length)
    this.states.push(state)
    this.#origins.push({ from, says, depth: from < 0 ? 0 : this.depthOf(from) + 1 })
    return true
  }

  depthOf(number: number): number {
    return this.#origins[number]?.depth ?? 0
  }

  /** The events that lead to a state. */
  wayTo(number: number): string[] {
    const events: string[] = []
    for (let at = this.#origins[number]; at && at.from >= 0; at = this.#origins[at.from]) events.unshift(at.says)
    return events
  }
}

/** Searches until every state was seen, or until one breaks an invariant. */
export async function search<State>({ initial, steps, invariants }: Model<State>): Promise<Searched> {
  const visited = new Visited<State>()
  visited.add(initial, -1, 'begin')
  let taken = 0
  for (let at = 0; at < visited.states.length; at++) {
    const state = visited.states[at] as State // `at` is below the length
    const searched = { states: visited.states.length, steps: taken, depth: visited.depthOf(at) }
    for (const [invariant, check] of Object.entries(invariants)) {
      const says = await check(state)
      if (says !== undefined) return { ...searched, broken: { invariant, says, trace: visited.wayTo(at) } }
    }
    for (const step of await steps(state)) {
      taken += 1
      visited.add(step.to, at, step.says)
    }
  }
  return { states: visited.states.length, steps: taken, depth: visited.depthOf(visited.states.length - 1) }
}

/** One line for the log of the tests. */
export const figures = (name: string, { states, steps, depth }: Searched): string =>
  `${name}: ${states} states, ${steps} steps, ${depth} deep, all searched`
