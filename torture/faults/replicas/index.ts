/** The faults of `--store postgres`: several replicas on one PostgreSQL, in the order of the table. */
import { findPostgres } from '../../../harness/postgres-server.ts'
import type { Fault } from '../../fault.ts'
import { skipped } from '../../finding.ts'
import { replicaKill } from './kill.ts'
import { replicaMasterKey } from './master-key.ts'
import { lostNews, denials } from './news.ts'
import { outages } from './outages.ts'
import { pooler } from './pooler.ts'
import { denialProperty } from './property.ts'
import { rotation } from './rotation.ts'
import { sameToken } from './same-token.ts'
import { rollingUpgrade } from './upgrade.ts'

/** If no server is installed, the row says so. */
const onPostgres = (fault: Fault): Fault => ({
  ...fault,
  run: async (context) =>
    findPostgres() === undefined
      ? [skipped(fault.title, 'no PostgreSQL server is installed (initdb, postgres)')]
      : fault.run(context),
})

export const REPLICA_FAULTS: Fault[] = [
  replicaKill,
  rotation,
  outages,
  sameToken,
  denials,
  lostNews,
  denialProperty,
  pooler,
  rollingUpgrade,
  replicaMasterKey,
].map(onPostgres)
