/** The frame of every example, which is not its subject: it listens, prints commands to try, and ends by Ctrl-C. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Listening {
  port: number
  stop(): Promise<void>
}

/** Serves on a free port of this machine alone. */
export async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, stop } // bound to a TCP port, so it is no path
}

/** Prints the addresses, one name and value a line, then the commands to try. */
export function announce(places: Record<string, string>, tries: string): void {
  for (const [name, value] of Object.entries(places)) console.log(`${name.padEnd(12)} ${value}`)
  console.log(`\n${tries.trim()}\n\nCtrl-C ends it.`)
}

/** Calls the given functions in their order at Ctrl-C. */
export function endAtSignal(...stops: (() => Promise<unknown>)[]): void {
  const end = async () => {
    for (const stop of stops) await stop()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end())
}
