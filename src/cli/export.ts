/** `signet export [FILE]`: resources, clients and groups as a file that `signet apply` takes. */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { describeExport, describeOmissions, exportRecords, type Exported } from '../declaration/export.ts'
import { Fault } from '../ground/errors.ts'
import { codeOf, describeRefusal } from '../ground/file-access.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, counted, note, visible } from './output.ts'
import { withExample } from './subcommand.ts'

export function defineExport(command: Command): void {
  withExample(command, 'signet.yaml')
    .argument('[file]', 'must not be there yet; absent or - prints it')
    .action(exportTo)
}

const exportTo = (file: string | undefined, _options: object, command: Command): Promise<void> =>
  withIssuer(async ({ store }) => {
    const { standing } = await store.readDeclared({ resources: [], clients: [], isWithStanding: true })
    if (!standing) throw new Error('the store left out what was asked for')
    const exported = exportRecords(standing)
    if (file === undefined || file === '-') answer(command, exported, () => describeExport(exported).trimEnd())
    else answerWritten(command, write(resolve(file), exported), exported)
    describeOmissions(standing).forEach(note)
    note('secrets and users are not in it')
  })

/** @throws Fault where the file is there already or cannot be written; then it leaves nothing behind */
function write(file: string, exported: Exported): string {
  try {
    const descriptor = openSync(file, 'wx')
    try {
      writeFileSync(descriptor, describeExport(exported))
    } catch (error) {
      rmSync(file, { force: true })
      throw error
    } finally {
      closeSync(descriptor)
    }
    return file
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new Fault(`${file} is there already`, 'name a file that is not there yet')
    throw new Fault(
      `${file} cannot be written (${describeRefusal(file, codeOf(error))})`,
      codeOf(error) === 'ENOSPC'
        ? 'make room on its disk, or name a file on another one'
        : 'name a file in a folder that is there and can be written',
    )
  }
}

function answerWritten(command: Command, file: string, { resources, clients, groups }: Exported): void {
  const result = { file, resources: resources.length, clients: clients.length, groups: groups.length }
  const counts = [
    counted(result.resources, 'resource'),
    counted(result.clients, 'client'),
    counted(result.groups, 'group'),
  ]
  answer(command, result, () => visible(`${file}: ${counts.join(', ')}`))
}
