/** Tells the operator beforehand what the declarative file would do at the next start. */
import type { Config } from '../config/setting.ts'
import { applyDeclaration } from '../declaration/apply.ts'
import { readDeclaration } from '../declaration/file.ts'
import { Fault } from '../ground/errors.ts'
import { bad, good, type Check } from './check.ts'

type Registries = Parameters<typeof applyDeclaration>[1]

/**
 * Makes a finding for each line that names an ended record, or that is at odds with a record. A file that cannot be applied
 * is one finding as a whole.
 */
export async function checkDeclared(
  { configFile }: Config,
  registries: Registries,
  env: NodeJS.ProcessEnv,
): Promise<Check[]> {
  if (configFile === undefined) return []
  try {
    const declaration = await readDeclaration(configFile, env, 'SIGNET_CONFIG')
    const {
      created,
      changed,
      ended = [],
      conflicts = [],
    } = await applyDeclaration(declaration, registries, { dryRun: true })
    if (ended.length + conflicts.length > 0)
      return [
        ...ended.map(({ place, kind, id, fix }) =>
          bad('declarative file', `${place}: an operator ended ${kind} ${id}`, fix),
        ),
        ...conflicts.map(({ place, kind, id, fix }) =>
          bad('declarative file', `${place}: ${kind} ${id} does not fit`, fix),
        ),
      ]
    const waiting = created.length + changed.length
    return [
      good(
        'declarative file',
        waiting === 0
          ? `${configFile} is applied`
          : `${configFile}: ${waiting} to be made or changed at the next start`,
      ),
    ]
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return [bad('declarative file', error.message, error.help ?? null)]
  }
}
