/** Controls that several trials of replicas share. */
import type { Finding } from '../finding.ts'
import { control } from '../finding.ts'
import { Journal } from '../journal.ts'
import type { Cluster } from './cluster.ts'

const FAMILIES = 3

/** Families whose rows are gone from the database are lost. */
export async function controlOfRows({ app, postgres, database }: Cluster): Promise<Finding> {
  const journal = new Journal()
  await journal.open(app, FAMILIES)
  await postgres.query('DELETE FROM signet.grants', database)
  const verdicts = await Promise.all(journal.families.map((family) => journal.check(family, app)))
  const lost = verdicts.filter((verdict) => verdict.lost !== undefined).length
  return control('rows taken out of the database', `${lost} of ${FAMILIES} families lost`, '0', lost === FAMILIES)
}
