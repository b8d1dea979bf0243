/**
 * The block "Several replicas" of the README, pasted: only the database and the ports are those of the test.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runHosted } from '../../harness/command-host.ts'
import { temporaryFolder } from '../support/issuer.ts'
import { hasPostgres, newDatabase } from '../support/postgres.ts'

const ROOT = resolve(import.meta.dirname, '../..')

async function freePort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
  await new Promise((closed) => server.close(closed))
  return String(port)
}

test.runIf(hasPostgres)('a token of one is refreshed at the other, and introspected', async () => {
  const page = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const [, block = ''] = /## Several replicas\n[^]*?```sh\n([^]*?)```/.exec(page) ?? []
  const [first, second] = [await freePort(), await freePort()]
  const script = block
    .replace('postgres://user:password@localhost:5432/signet', await newDatabase())
    .replaceAll('3000', first)
    .replaceAll('3001', second)
  // The variables of the test run are none of Signet's.
  const outside = Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNET_'))
  const folder = temporaryFolder()
  const keys = { SIGNET_KEYS_DIR: join(folder, 'keys') }
  // A reader who begins at the top of the page has keys, and a database of SQLite that they belong to.
  await runHosted(['migrate', '--new'], { ...keys, SIGNET_DATABASE_URL: `file:${join(folder, 'signet.db')}` })
  const env = { ...Object.fromEntries(outside), ...keys }
  // A group of its own, so that the two servers end with the test.
  const shell = spawn('sh', ['-c', script], { cwd: ROOT, env, detached: true })
  onTestFinished(() => void (shell.pid === undefined || process.kill(-shell.pid, 'SIGTERM')))
  let printed = ''
  shell.stdout.on('data', (bytes) => void (printed += String(bytes)))
  shell.stderr.on('data', (bytes) => void (printed += String(bytes)))
  expect(await new Promise((ended) => shell.once('exit', ended)), printed).toBe(0)
  // Log lines of the servers stand around the answer.
  expect(printed).toMatch(/^\{"active":true,.*"client_id":"shop"/m)
})
