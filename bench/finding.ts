/** The result of a case: rows of the large table, goals beside the figures that decide them, and single facts. */
import type { Round } from './load/work.ts'

/** A round of one side, with the processor time that it cost that side. */
export interface MeasuredRound extends Round {
  /** Processor time of the server for a request, in microseconds. This figure holds even while other programs use the cores. */
  cpuMicros: number
}

export interface Row {
  work: string
  side: string
  rounds: MeasuredRound[]
  /** The rounds of the base side, which the ratios are to, where there is a base. */
  base: MeasuredRound[] | undefined
  /** Whether this row is the base itself. */
  isBase: boolean
}

export type Verdict = 'met' | 'not met' | 'not measured'

export interface Goal {
  /** The number of the goal in the list of goals. */
  number: number
  goal: string
  found: string
  /** The same ratio by processor time, where it was measured. */
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
