/** The configuration that a file of a deployment gives to Signet. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig, type Config } from '../../src/index.ts'

/** The configuration of a Signet with these variables, where each file that they name holds such a value. */
export function configOf(variables: Record<string, string>, folder: string): Config {
  const values: Record<string, string> = {
    // The form of its URL is no subject of these files.
    SIGNET_DATABASE_URL_FILE: 'file:/data/signet.db',
    SIGNET_MASTER_KEY_FILE: Buffer.alloc(32, 7).toString('base64'),
  }
  const placed = Object.entries(variables).map(([name, value]) => {
    if (!name.endsWith('_FILE')) return [name, value]
    const file = join(folder, name)
    writeFileSync(file, `${values[name]}\n`)
    return [name, file]
  })
  return readConfig(Object.fromEntries(placed))
}
