/** The cost of one log line for each request, which is the default. */
import type { Bench } from '../bench.ts'
import type { Finding, Row } from '../finding.ts'
import { compare } from '../rounds.ts'
import { SCOPE } from '../sides/terms.ts'

export async function logging(bench: Bench): Promise<Finding> {
  const sides = [await bench.side('loggingSignet'), await bench.side('signet')]
  const rows: Row[] = []
  const form = { grant_type: 'client_credentials', scope: SCOPE }
  const token = sides.map((side) => ({ side, work: bench.post(side, '/token', form) }))
  rows.push(...(await compare(bench, { work: '/token, ES256, with its log', contenders: token, base: 1 })))
  const path = '/.well-known/jwks.json'
  const jwks = sides.map((side) => ({ side, work: { port: side.port, method: 'GET', path } as const }))
  rows.push(...(await compare(bench, { work: 'JWKS, with its log', contenders: jwks, base: 1 })))
  return { rows, goals: [], facts: [] }
}
