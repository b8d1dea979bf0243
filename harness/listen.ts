/** Servers of one's own on this machine. */
import type { Server } from 'node:net'

/** Listens on a free port. @returns the port */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
