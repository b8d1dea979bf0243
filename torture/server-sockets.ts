/** The open connections of a server, read from the Linux kernel, because a peer that does not read cannot notice a close. */
import { existsSync, readFileSync } from 'node:fs'

const TABLE = '/proc/net/tcp'
const ESTABLISHED = '01'

export const canSeeSockets = (): boolean => existsSync(TABLE)

/**
 * The connections to a port of 127.0.0.1 that are open at the server's end: for the port of each peer, the number of
 * bytes that wait to be read. A number that stays the same means that the peer does not read.
 */
export function peersOf(serverPort: number): Map<number, string> {
  const peers = new Map<number, string>()
  for (const line of readFileSync(TABLE, 'latin1').split('\n')) {
    // proc(5): number, local address, remote address, state, and the bytes that wait to be sent and read; in hexadecimal.
    const [, local = '', remote = '', state, queues = ''] = line.trim().split(/\s+/)
    if (state === ESTABLISHED && portOf(local) === serverPort) peers.set(portOf(remote), queues.split(':')[0] ?? '')
  }
  return peers
}

const portOf = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16)
