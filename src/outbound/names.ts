/**
 * The addresses of names that clients chose, asked of the name servers directly. The look-up of the system takes a thread
 * of Node's until the name server answers or half a minute has passed, and two threads serve all look-ups of the
 * process. The name of one client, whose server does not answer, would hold up the names of other clients and of the
 * database.
 */
import dns from 'node:dns'
import type { LookupAddress } from 'node:dns'

/** Two attempts end within the time that a request has: c-ares doubles the time for the second. Milliseconds. */
const FIRST_ATTEMPT_MS = 1500
const ATTEMPTS = 2

/** The addresses of a name, IPv4 first. Rejects with the error of the name server where there is none. */
export async function findAddresses(name: string): Promise<LookupAddress[]> {
  const resolver = new dns.promises.Resolver({ timeout: FIRST_ATTEMPT_MS, tries: ATTEMPTS })
  resolver.setServers(dns.getServers())
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const found = [...addressesIn(v4, 4), ...addressesIn(v6, 6)]
  if (found.length === 0 && v4.status === 'rejected') throw v4.reason
  return found
}

const addressesIn = (result: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] =>
  result.status === 'fulfilled' ? result.value.map((address) => ({ address, family })) : []
