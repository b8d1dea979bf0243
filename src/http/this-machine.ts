/** Whether a request comes from this machine. For the few doors that need no credentials on a developer's machine. */
import { isLoopback } from '../config/loopback.ts'
import type { OpenCall } from './route.ts'

/**
 * Headers by which a proxy says that it forwards a request (RFC 7239 §5, RFC 9110 §7.6.3), and those that proxies use. They
 * are believed of anybody, because they close a door here and never open one: a tunnel to this machine sends them.
 */
const FORWARDED = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'cf-connecting-ip',
  'true-client-ip',
]

/** Whether an issuer at localhost is asked from this machine, by one of the machine's own names, and through no proxy. */
export function isFromThisMachine(
  { header: sent, incoming }: Pick<OpenCall<never, never>, 'header' | 'incoming'>,
  issuer: string,
): boolean {
  const address = incoming.socket.remoteAddress ?? ''
  return (
    isLoopback(new URL(issuer).hostname) &&
    /^(::ffff:)?127\.|^::1$/.test(address) &&
    FORWARDED.every((name) => sent(name) === undefined) &&
    // A page in this machine's browser can reach us under a name of its own. A proxy that sends no Host (HTTP/1.0) hides
    // the name that its caller used.
    namesThisMachine(sent('host') ?? '')
  )
}

const namesThisMachine = (host: string): boolean =>
  URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`).hostname)
