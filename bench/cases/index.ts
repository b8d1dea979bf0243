/** The cases by name. */
import type { Bench } from '../bench.ts'
import type { Finding } from '../finding.ts'
import { blacklist } from './blacklist.ts'
import { coldStart } from './cold-start.ts'
import { ENDPOINT_CASES, runEndpointCase } from './endpoints.ts'
import { growth } from './growth.ts'
import { logging } from './logging.ts'
import { memory } from './memory.ts'
import type { CaseName } from './names.ts'
import { people } from './people.ts'
import { revoke } from './revoke.ts'
import { saturation } from './saturation.ts'
import { tail } from './tail.ts'

const endpoint = (name: keyof typeof ENDPOINT_CASES) => (bench: Bench) => runEndpointCase(bench, ENDPOINT_CASES[name])

export const CASES: Record<CaseName, (bench: Bench) => Promise<Finding>> = {
  'cold-start': coldStart,
  'token-es256': endpoint('token-es256'),
  'token-rs256': endpoint('token-rs256'),
  refresh: endpoint('refresh'),
  jwks: endpoint('jwks'),
  metadata: endpoint('metadata'),
  introspect: endpoint('introspect'),
  'introspect-once': endpoint('introspect-once'),
  revoke,
  people,
  logging,
  saturation,
  tail,
  memory,
  blacklist,
  growth,
}
