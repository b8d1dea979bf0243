/** Floods: a process of its own sends given requests at a given rate. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Context } from './fault.ts'

const GENERATOR = resolve(import.meta.dirname, 'flood-process.ts')

export interface FloodPlan {
  port: number
  perSecond: number
  seconds: number
  /** The most requests that wait for a response at once; further requests are held back and counted. */
  connections: number
  /** Sent in turn, each as its bytes, one character for each byte. */
  requests: string[]
}

export interface FloodResult {
  sent: number
  heldBack: number
  /** Connections that were closed before a response. */
  cut: number
  seconds: number
  /** The number of responses, by status. */
  answers: Record<string, number>
}

/** Runs a flood to its end. @throws Error where the generator fails */
export async function flood(context: Context, url: string, plan: Omit<FloodPlan, 'port'>): Promise<FloodResult> {
  const child = spawn(process.execPath, [GENERATOR], { stdio: ['pipe', 'pipe', 'inherit'] })
  context.onEnd(() => void child.kill('SIGKILL'))
  const port = Number(new URL(url).port)
  child.stdin.end(JSON.stringify({ ...plan, port } satisfies FloodPlan))
  const printed = await text(child.stdout)
  if (printed === '') throw new Error('the generator of load ended without a result')
  return JSON.parse(printed) as FloodResult // what flood-process.ts prints
}

/** The number of responses whose status fulfils `is`. */
export const countOf = ({ answers }: FloodResult, is: (status: number) => boolean): number =>
  Object.entries(answers).reduce((sum, [status, count]) => sum + (is(Number(status)) ? count : 0), 0)

/** Server errors other than 503, which tells the client when to come back. */
export const isDefect = (status: number): boolean => status >= 500 && status !== 503

export const answersOf = ({ answers }: FloodResult): string =>
  Object.entries(answers)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ')
