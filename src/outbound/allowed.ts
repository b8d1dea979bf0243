/**
 * Which addresses Signet may send requests to: public ones, and hosts that the operator named in SIGNET_OUTBOUND_ALLOW. A
 * client's URL must not make Signet ask the machines of its own network (SSRF).
 */
import { BlockList, isIP } from 'node:net'
import { isExposedHttp, isLoopback } from '../config/loopback.ts'

/** IANA's special-purpose registries (RFC 6890), without the ranges that are global. */
const PRIVATE = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/128',
  '::1/128',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] as const

const blocked = new BlockList()
for (const range of PRIVATE) {
  const [address = '', bits] = range.split('/')
  blocked.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Whether an address is reached over the internet. An IPv4 address inside an IPv6 one counts as IPv4. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return false
  const mapped = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return isPublicAddress(mapped)
  // ::ffff:7f00:1 and ::7f00:1 are the same addresses in other spellings.
  if (family === 6 && /^::(?:ffff:)?[\da-f]{1,4}:[\da-f]{1,4}$/i.test(address)) return false
  return !blocked.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** The hosts of SIGNET_OUTBOUND_ALLOW, each with a port or without. */
export class AllowedHosts {
  readonly #hosts: ReadonlySet<string>

  constructor(hosts: readonly string[]) {
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()))
  }

  /** Whether the operator has named the host of this URL. */
  has({ hostname, host, port, protocol }: URL): boolean {
    const withPort = port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host
    return this.#hosts.has(hostname) || this.#hosts.has(withPort)
  }

  /** Whether a URL may be asked, as far as it is written. The address behind a name is known when it is asked. */
  mayAsk(url: URL): boolean {
    if (this.has(url)) return this.faultOf(url) === undefined
    const address = url.hostname.replace(/^\[|\]$/g, '')
    const isPrivate = isLoopback(url.hostname) || (isIP(address) !== 0 && !isPublicAddress(address))
    return !isPrivate && this.faultOf(url) === undefined
  }

  /** Why a URL may not be asked, if it may not. Its host may still lead to a private address. */
  faultOf(url: URL): string | undefined {
    if (url.username || url.password) return 'it has a user name or password'
    if (url.protocol === 'https:') return undefined
    if (url.protocol !== 'http:') return 'it is neither https nor http'
    if (isExposedHttp(url)) return 'it is not https'
    return this.has(url) ? undefined : `its host is this machine; name ${url.host} in SIGNET_OUTBOUND_ALLOW`
  }
}
