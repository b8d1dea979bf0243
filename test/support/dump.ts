/** The commands by which the runbook "Back up and restore PostgreSQL" copies a database and brings it back, as printed. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { findPostgres } from '../../harness/postgres-server.ts'

const MANUAL = readFileSync(resolve(import.meta.dirname, '../../docs/operating.md'), 'utf8')

/** Runs the command of the runbook that begins with this program, for a database and a dump of the test. */
export function runAsPrinted(program: 'pg_dump' | 'pg_restore', url: string, dump: string): void {
  const [, printed] = new RegExp(`^(${program} .*)$`, 'm').exec(MANUAL) ?? []
  if (printed === undefined) throw new Error(`the runbook prints no ${program}`)
  const command = printed.replace(/\/backups\/.*\.dump/, dump)
  const path = `${findPostgres()}:${process.env.PATH}`
  const ran = spawnSync('sh', ['-c', command], { encoding: 'utf8', env: { PATH: path, DATABASE_URL: url } })
  if (ran.status !== 0) throw new Error(`${command}: ${ran.stderr}`)
}
