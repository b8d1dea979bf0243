/** What a case found: rows of the big table, goals held against figures, and single facts. */
import type { Round } from './load/work.ts'

/** A round of one side, with what it cost that side. */
export interface MeasuredRound extends Round {
  /** Processor time of the server for a request, in microseconds: holds where others use the cores as well. */
  cpuMicros: number
}

export interface Row {
  work: string
  side: string
  rounds: MeasuredRound[]
  /** The rounds of the side that the ratios are to, where there is one. */
  base: MeasuredRound[] | undefined
  /** Whether this is that side. */
  isBase: boolean
}

export type Verdict = 'met' | 'not met' | 'not measured'

export interface Goal {
  /** Of the list that the goals are kept in. */
  number: number
  goal: string
  found: string
  /** The same by processor time, where that can be said. */
  byCpu?: string
  verdict: Verdict
}

export interface Fact {
  what: string
  found: string
}

export interface Finding {
  rows: Row[]
  goals: Goal[]
  facts: Fact[]
}

export const nothing = (): Finding => ({ rows: [], goals: [], facts: [] })

/** A goal that a single figure decides. */
export const goalOf = (number: number, goal: string, found: string, isMet: boolean): Goal => ({
  number,
  goal,
  found,
  verdict: isMet ? 'met' : 'not met',
})
