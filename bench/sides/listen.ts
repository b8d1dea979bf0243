/** Lets a side serve on a free port, print the address, and end at a signal. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export function listen(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
    console.log(`listening on http://localhost:${port}`)
  })
  process.on('SIGTERM', () => process.exit(0))
}
