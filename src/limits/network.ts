/**
 * The network that a request comes from, as the limits count it: an IPv4 address or an IPv6 /64, each in one spelling.
 * Only proxies that the operator named may speak for other addresses. Nothing else in Signet depends on an address.
 */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv4, isIPv6, type Socket } from 'node:net'

export interface NetworkCaller {
  network: string
  /** The request comes from this machine, and no proxy says that it forwards it. */
  isLocal: boolean
}

const LOOPBACK = ['127.0.0.0/8', '::1/128']
/** Longer than any address in brackets with a port. The rest of a longer text is not read. */
const LONGEST_ADDRESS = 80
const MOST_REMEMBERED = 4096

export class Callers {
  readonly #trusted: BlockList
  readonly #loopback = blockList(LOOPBACK)
  /** By the texts that proxies sent, because reading an IPv6 address takes 7 µs. */
  readonly #known = new Map<string, NetworkCaller>()
  readonly #peers = new WeakMap<Socket, { caller: NetworkCaller; isTrusted: boolean }>()

  /** @param trusted addresses, CIDRs and the word `loopback` */
  constructor(trusted: readonly string[]) {
    this.#trusted = blockList(trusted.flatMap((each) => (each === 'loopback' ? LOOPBACK : each)))
  }

  /** The peer, or the address for which a trusted peer says that it forwards the request. */
  find({ socket, rawHeaders }: IncomingMessage): NetworkCaller {
    const { caller, isTrusted } = this.#peers.get(socket) ?? this.#meet(socket)
    const forwarded = isTrusted ? forwardedFor(rawHeaders) : ''
    if (forwarded === '') return caller
    // An unreadable address still means that a trusted proxy forwarded the request, so it is not from this machine.
    return this.#known.get(forwarded) ?? this.#lastStranger(forwarded) ?? { network: caller.network, isLocal: false }
  }

  #meet(socket: Socket) {
    const address = readAddress(socket.remoteAddress ?? '') ?? 'unknown'
    const peer = { caller: this.#callerAt(address), isTrusted: contains(this.#trusted, address) }
    this.#peers.set(socket, peer)
    return peer
  }

  /**
   * Each proxy appends the address that it saw. So the last address that is none of our proxies is the caller, and the
   * addresses to its left may be made up.
   */
  #lastStranger(forwarded: string): NetworkCaller | undefined {
    for (let end = forwarded.length; ;) {
      const comma = forwarded.lastIndexOf(',', end - 1)
      const address = readAddress(forwarded.slice(Math.max(comma + 1, end - LONGEST_ADDRESS), end))
      if (address === undefined) return undefined
      if (comma <= 0 || !contains(this.#trusted, address)) return this.#remember(forwarded, this.#callerAt(address))
      end = comma
    }
  }

  #remember(forwarded: string, caller: NetworkCaller): NetworkCaller {
    if (forwarded.length > LONGEST_ADDRESS) return caller
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear()
    this.#known.set(forwarded, caller)
    return caller
  }

  #callerAt(address: string): NetworkCaller {
    return { network: networkOf(address), isLocal: contains(this.#loopback, address) }
  }
}

/** `X-Forwarded-For` of all its header lines, or empty. Read from the raw headers, because Node's table costs more. */
function forwardedFor(rawHeaders: string[]): string {
  let found = ''
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length !== 15 || name.toLowerCase() !== 'x-forwarded-for') continue
    found = found === '' ? (rawHeaders[at + 1] ?? '') : `${found},${rawHeaders[at + 1]}`
  }
  return found
}

/** The one spelling of an address, which may come with a port or a zone; `undefined` for other text. */
function readAddress(text: string): string | undefined {
  const trimmed = text.trim()
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed)?.[1] ?? trimmed.replace(/^([\d.]+):\d+$/, '$1')
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return undefined
  const groups = groupsOf(bare.replace(/%.*$/, ''))
  // ::ffff:a.b.c.d is an IPv4 address written as IPv6 (RFC 4291 §2.5.5.2).
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xff_ff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.')
  }
  return groups.map((group) => group.toString(16)).join(':')
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2), in any of its spellings. */
function groupsOf(address: string): number[] {
  const plain = address.replace(/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16)
    return `${pair(a, b)}:${pair(c, d)}`
  })
  const [head = '', tail] = plain.split('::')
  const numbers = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const first = numbers(head)
  const last = numbers(tail ?? '')
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
}

/** A subscriber commonly gets a whole /64 (RFC 6177 §2) and could use another address of it at every request. */
const networkOf = (address: string): string =>
  address.includes(':') ? `${address.split(':', 4).join(':')}::/64` : address

function blockList(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [written = '', bits] = entry.split('/')
    const address = readAddress(written) ?? written
    const type = address.includes(':') ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, type)
    else list.addSubnet(written, Number(bits), isIPv4(written) ? 'ipv4' : 'ipv6')
  }
  return list
}

const contains = (list: BlockList, address: string): boolean =>
  list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
