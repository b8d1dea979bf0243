/** `signet apply FILE`: makes clients and resources as a file declares them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { applyDeclaration } from '../declaration/apply.ts'
import {
  describeGrantsByRedirect,
  describeMissingSecrets,
  unappliedOf,
  type Applied,
  type AppliedChange,
  type AppliedItem,
  type KeptItem,
} from '../declaration/applied.ts'
import { readConfig } from '../config/config.ts'
import type { Declaration } from '../declaration/declaration.ts'
import { isName, readDeclaration } from '../declaration/file.ts'
import { Fault } from '../ground/errors.ts'
import { findToMake } from '../doctor/missing-database.ts'
import { mayMakeDatabase, onIssuer, wantsNew, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { answer, complain, note, visible } from './output.ts'
import { withExample } from './subcommand.ts'

export function defineApply(command: Command): void {
  withExample(mayMakeDatabase(command), 'signet.yaml --prune --dry-run')
    .argument('<file>', 'YAML or JSON; the form of SIGNET_CONFIG')
    .option('--dry-run', 'tell what would be done, and do nothing')
    .option(
      '--prune',
      'also remove clients, resources and groups that a file of this name made and does not name any more',
    )
    .action(apply)
}

interface Wanted {
  dryRun?: boolean
  prune?: boolean
}

async function apply(file: string, { dryRun = false, prune = false }: Wanted, command: Command): Promise<void> {
  const declaration = await readDeclaration(file, process.env)
  if (prune && !declaration.hasLists)
    throw new Fault(
      `${file}: names nothing at all, and --prune would remove everything that it made`,
      'where that is meant, write "clients: []" into it',
    )
  const applied = await (dryRun ? rehearse : carryOut)(declaration, prune, command)
  for (const { place, fix } of unappliedOf(applied)) complain(`${place}: ${fix}`)
  answer(command, { ...applied, dry_run: dryRun }, () => describePlan(applied, dryRun))
  describeMissingSecrets(applied).forEach(note)
  describeGrantsByRedirect(applied).forEach(note)
  for (const { id, disabled_user: isUserDisabled } of applied.created)
    if (isUserDisabled)
      note(`client ${id} takes the id of a user, who is disabled with it, with every session and token`)
}

const carryOut = (declaration: Declaration, prune: boolean, command: Command): Promise<Applied> =>
  withIssuerOrNew(command, (issuer) => applyDeclaration(declaration, issuer, { dryRun: false, prune }))

/** A dry run leaves nothing behind. If a database would be made, it compares with an empty one in a temporary folder. */
async function rehearse(declaration: Declaration, prune: boolean, command: Command): Promise<Applied> {
  const config = readConfig(process.env)
  const isFresh = (await findToMake(config, wantsNew(command))) !== undefined
  if (!isFresh) return withIssuer((issuer) => applyDeclaration(declaration, issuer, { dryRun: true, prune }))
  const folder = mkdtempSync(join(tmpdir(), 'signet-dry-run-'))
  try {
    return await onIssuer((issuer) => applyDeclaration(declaration, issuer, { dryRun: true, prune }), {
      ...config,
      databaseUrl: `file:${join(folder, 'signet.db')}`,
      keysDir: folder,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function describePlan(applied: Applied, dryRun: boolean): string {
  const { created, changed, left, removed, kept = [], ended = [], conflicts = [] } = applied
  const line =
    (sign: string) =>
    ({ kind, id }: AppliedItem) =>
      visible(`${sign} ${kind} ${id}`)
  const pruned = removed ? `, ${removed.length} removed` : ''
  const summary = `${created.length} created, ${changed.length} changed, ${left.length} left as they are${pruned}${ended.length > 0 ? `, ${ended.length} ended by an operator and left so` : ''}${conflicts.length > 0 ? `, ${conflicts.length} in conflict and left out` : ''}`
  return [
    ...created.map(line('+')),
    ...changed.flatMap((item) => [line('~')(item), ...item.changes.map(describeChange)]),
    ...left.map(line('=')),
    ...(removed ?? []).map(line('-')),
    ...kept.map(describeKept),
    ...created.flatMap(({ id, ended_grants: grants }) =>
      grants ? [visible(`  client ${id} takes the name of a person, whose ${grants} live grants end`)] : [],
    ),
    dryRun ? `${summary}; a dry run, nothing was done` : summary,
  ].join('\n')
}

/** A file that was renamed finds its records under its former name. */
const describeKept = ({ kind, id, file }: KeptItem): string =>
  visible(
    `  ${kind} ${id} was made by ${file}, and is left${isName(file) ? `; if this file had that name, put name: ${file} into it` : ''}`,
  )

const describeChange = ({ field, from, to }: AppliedChange): string =>
  visible(`    ${field}: ${valueOf(from)} -> ${valueOf(to)}`)

/** A value as the file would have it; an empty value as `none`. */
function valueOf(value: unknown): string {
  if (value === null || value === '') return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
