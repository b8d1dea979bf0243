/** The server of a trial. A start waits until the server is ready, and its URL has an address instead of a name. */
import { startServer as start, type Launch, type Serving } from '../harness/program.ts'
import { cpuMsOf } from '../harness/proc.ts'
import type { Context } from './fault.ts'

export { Refusal } from '../harness/program.ts'

const READY_WITHIN_MS = 30_000

export interface ServerProcess extends Serving {
  /** From the start of the process until `GET /readyz` answered 200. */
  readyMs: number
  /** Processor time until then, of all threads. This figure holds even while other programs use the cores. */
  readyCpuMs: number
}

/** Starts a server and waits until it takes traffic. @throws Refusal where it ends instead */
export async function startServer(context: Context, launch: Launch): Promise<ServerProcess> {
  const began = performance.now()
  const serving = await start(launch, context.onEnd)
  // With an address, not a name, so that no resolver takes part.
  const url = serving.url.replace('localhost', '127.0.0.1')
  await untilReady(url)
  return { ...serving, url, readyMs: performance.now() - began, readyCpuMs: cpuMsOf(serving.pid) }
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  for (;;) {
    const answer = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return
    if (performance.now() > deadline) throw new Error(`not ready: ${answer?.status ?? 'no answer'}`)
    await new Promise((wake) => setTimeout(wake, 5))
  }
}
