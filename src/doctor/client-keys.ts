/** Whether the keys can be fetched that clients publish. An issuer without such clients gets no such check. */
import { fetchKeySet } from '../clients/key-fetch.ts'
import type { Config } from '../config/setting.ts'
import { shell } from '../ground/shell-word.ts'
import type { Store } from '../store/store.ts'
import { bad, good, warn, type Check } from './check.ts'

/** Key sets that are fetched at the same time, and at all: each may take five seconds. */
const AT_ONCE = 20
const MOST_LOOKED_AT = 200
/** Clients that one line tells. */
const MOST_TOLD = 5

interface Publisher {
  clientId: string
  uri: string
}

interface Finding extends Publisher {
  fault: string
}

/** Empty where no enabled client has a `jwks_uri`. */
export async function checkClientKeys(store: Store, config: Config): Promise<Check[]> {
  const publishers = (await store.listClients()).flatMap(({ clientId, jwksUri: uri, disabledAt }) =>
    uri === null || disabledAt !== null ? [] : [{ clientId, uri }],
  )
  if (publishers.length === 0) return []
  const looked = publishers.slice(0, MOST_LOOKED_AT)
  const faults = await findFaults(looked, config.outboundAllow)
  return [judge(faults, looked.length, publishers.length)]
}

async function findFaults(publishers: Publisher[], allowed: readonly string[]): Promise<Finding[]> {
  const faults: Finding[] = []
  for (let at = 0; at < publishers.length; at += AT_ONCE) {
    const looks = publishers.slice(at, at + AT_ONCE).map(async (each) => {
      const fetched = await fetchKeySet(each.uri, allowed)
      return fetched.outcome === 'keys' ? [] : [{ ...each, fault: fetched.fault }]
    })
    faults.push(...(await Promise.all(looks)).flat())
  }
  return faults
}

function judge(faults: Finding[], looked: number, all: number): Check {
  const check = 'client key sets'
  const [first] = faults
  if (first) {
    const told = faults.slice(0, MOST_TOLD).map(({ clientId, fault }) => `${clientId}: ${fault}`)
    const more = faults.length > told.length ? [`and ${faults.length - told.length} clients more`] : []
    return bad(check, [...told, ...more].join('; '), fixOf(first))
  }
  if (looked === all) return good(check, `${all} can be fetched, and hold keys that serve`)
  return warn(
    check,
    `the first ${looked} of ${all} can be fetched`,
    'the refusals of the others: signet doctor --request ID',
  )
}

const fixOf = ({ clientId, uri }: Publisher): string =>
  `the client's owner publishes its public keys there; an address inside needs SIGNET_OUTBOUND_ALLOW=${new URL(uri).host}; another address: signet client update ${shell(clientId)} --jwks-uri URL`
