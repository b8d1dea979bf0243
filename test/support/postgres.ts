/** Databases on the PostgreSQL of this run (postgres-run.ts). */

const source = process.env.SIGNET_TEST_POSTGRES

/** Whether a server is installed. Where none is, the run has said so already. */
export const hasPostgres = source !== undefined

/** The URL of a new and empty database. */
export async function newDatabase(): Promise<string> {
  if (source === undefined) throw new Error('no PostgreSQL server is installed')
  const response = await fetch(source)
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text
}
