/** The loads under which two versions of Signet are compared, by the case that each belongs to. */
import type { Bench } from '../bench.ts'
import { clientCredentials, ENDPOINT_CASES, refreshingTokens, type EndpointLoad } from '../cases/endpoints.ts'
import { REFRESHED, seed } from '../cases/growth.ts'
import { introspecting } from '../cases/introspecting.ts'
import type { CaseName } from '../cases/names.ts'
import { REVOKING } from '../cases/revoke.ts'
import { fillBlacklist } from '../fill/blacklist.ts'
import { fillFamilies } from '../fill/families.ts'
import type { Work } from '../load/work.ts'
import type { Side } from '../sides/side.ts'
import { copyOf, type Place, type SignetOptions } from '../sides/signet.ts'
import { SCOPE } from '../sides/terms.ts'

export interface AgainstLoad extends Omit<EndpointLoad, 'workOn'> {
  workOn: (bench: Bench, side: Side, tokens: string[]) => Promise<Work>
  start?: SignetOptions
  /** Makes the database that both processes of a version begin with, and refresh tokens for them. */
  fill?: (bench: Bench, model: Place, name: string) => Promise<Filled>
}

export interface Filled {
  place: Place
  tokens: string[]
}

const WITH_LOG: SignetOptions = { env: { SIGNET_LOG_LEVEL: 'info' }, stderr: 'null' }
const newFamily = { grant_type: 'client_credentials', scope: `${SCOPE} offline_access` }

/** A case without a load is not here, nor a case that asks another question. */
export const AGAINST_LOADS: Partial<Record<CaseName, AgainstLoad[]>> = {
  'token-es256': [ENDPOINT_CASES['token-es256']],
  'token-rs256': [ENDPOINT_CASES['token-rs256']],
  refresh: [ENDPOINT_CASES.refresh],
  jwks: [ENDPOINT_CASES.jwks],
  metadata: [ENDPOINT_CASES.metadata],
  introspect: [ENDPOINT_CASES.introspect],
  'introspect-once': [ENDPOINT_CASES['introspect-once']],
  revoke: [REVOKING],
  logging: [
    {
      work: '/token, ES256, with its log',
      start: WITH_LOG,
      workOn: async (bench, side) => bench.post(side, '/token', clientCredentials),
    },
  ],
  tail: [{ work: '/token with a new family', workOn: async (bench, side) => bench.post(side, '/token', newFamily) }],
  blacklist: [{ work: '/introspect beside a blacklist', workOn: introspecting, fill: fillWithEntries }],
  growth: [
    {
      work: '/refresh all over the table',
      workOn: async (bench, side, tokens) => refreshingTokens(bench, side, tokens),
      fill: fillWithFamilies,
    },
  ],
}

async function fillWithEntries({ options, say }: Bench, model: Place, name: string): Promise<Filled> {
  const place = copyOf(model, name)
  await fillBlacklist(place, options.blacklist, say)
  return { place, tokens: [] }
}

async function fillWithFamilies(bench: Bench, model: Place, name: string): Promise<Filled> {
  const place = await seed(bench, model, name)
  return { place, tokens: fillFamilies({ place, count: bench.options.growth, tokens: REFRESHED, say: bench.say }) }
}
