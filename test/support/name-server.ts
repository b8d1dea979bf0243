/** A name server of a test (RFC 1035 §4): the addresses of its names, and names to which it never answers. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import dns from 'node:dns'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import { onTestFinished } from 'vitest'

/** Addresses by name; `silent` for a name to which no answer comes. Any other name does not exist. */
export type Zone = Record<string, readonly string[] | 'silent'>

const TYPE_A = 1
const TYPE_AAAA = 28
const NO_SUCH_NAME = 3

/** Serves names for this process until the test ends. @returns the names that were asked for, in their order */
export async function serveNames(zone: Zone): Promise<string[]> {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = questionOf(query)
    asked.push(name)
    const found = zone[name]
    if (found !== 'silent') socket.send(answerOf(query, end, addressesOf(found, type), found !== undefined), from.port)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const before = dns.getServers()
  dns.setServers([`127.0.0.1:${socket.address().port}`])
  onTestFinished(() => {
    dns.setServers(before)
    socket.close()
  })
  return asked
}

const HEADER_BYTES = 12

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function addressesOf(found: readonly string[] = [], type: number): Buffer[] {
  if (type !== TYPE_A && type !== TYPE_AAAA) return []
  return found.filter((each) => isIPv4(each) === (type === TYPE_A)).map(bytesOf)
}

/** @param address IPv4, or IPv6 with all its groups */
const bytesOf = (address: string): Buffer =>
  isIPv4(address)
    ? Buffer.from(address.split('.').map(Number))
    : Buffer.from(
        address
          .split(':')
          .map((group) => group.padStart(4, '0'))
          .join(''),
        'hex',
      )

function answerOf(query: Buffer, end: number, addresses: Buffer[], isThere: boolean): Buffer {
  const header = Buffer.from(query.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(0x81_80 | (isThere ? 0 : NO_SUCH_NAME), 2)
  header.writeUInt16BE(addresses.length, 6)
  header.fill(0, 8)
  const records = addresses.map((address) => {
    // A pointer to the name of the question, class IN, a life of 0 seconds.
    const fixed = Buffer.from([0xc0, HEADER_BYTES, 0, address.length === 4 ? TYPE_A : TYPE_AAAA, 0, 1, 0, 0, 0, 0, 0])
    return Buffer.concat([fixed, Buffer.from([address.length]), address])
  })
  return Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...records])
}
