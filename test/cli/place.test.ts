/**
 * The places of commands: `./signet` from any folder, paths of the configuration from the checkout, files in arguments
 * from the caller's folder.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CHECKOUT } from '../../harness/version.ts'
import { sqliteTest } from '../support/sqlite.ts'
import { Place, type Variables } from './run-signet.ts'

const SCRIPT = join(CHECKOUT, 'signet')
const NPM = ['npm', 'run', '-s', '--prefix', CHECKOUT, 'signet', '--']

/** Runs a program in a folder of its own. */
function run([program = '', ...args]: string[], cwd: string, env: Variables) {
  const outside = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' }
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env: { ...outside, ...env }, encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

/** A folder to call from, with a place for keys and database. */
function callerIn(onEnd: ConstructorParameters<typeof Place>[0]) {
  const place = new Place(onEnd)
  const folder = place.file('called from here')
  mkdirSync(folder)
  return { place, folder, env: place.variables }
}

test('./signet runs from any folder, through links too, and tells version and commit', ({ onTestFinished }) => {
  const { folder, env } = callerIn(onTestFinished)
  const link = join(folder, 'signet link')
  symlinkSync(SCRIPT, join(folder, 'first'))
  symlinkSync('first', link)
  const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { version: string }
  const head = spawnSync('git', ['-C', CHECKOUT, 'rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8' }).stdout.trim()
  for (const program of [SCRIPT, link])
    expect(run([program, '--version'], folder, env)).toEqual({
      code: 0,
      stdout: head === '' ? `${version}\n` : `${version} (${head})\n`,
      stderr: '',
    })
  expect(JSON.parse(run([SCRIPT, '--json', '--version'], folder, env).stdout)).toEqual({
    version,
    commit: head || null,
  })
})

test.for([
  ['./signet', [SCRIPT]],
  ['npm run signet', NPM],
] as const)('%s takes files in arguments from the folder of the caller', ([, signet], context) => {
  const { place, folder, env } = callerIn(context.onTestFinished)
  const missing = run([...signet, 'apply', 'there/signet.yaml'], folder, env)
  expect(missing).toMatchObject({ code: 1, stdout: '' })
  expect(missing.stderr).toContain(`${join(folder, 'there/signet.yaml')} cannot be read`)
  expect(existsSync(place.keysDir)).toBe(false)

  writeFileSync(join(folder, 'signet.yaml'), 'resources: [{ id: orders }]\n')
  expect(run([...signet, 'apply', 'signet.yaml'], folder, env)).toMatchObject({ code: 0 })
  const moved = run(
    [...signet, 'migrate', '--from', env.SIGNET_DATABASE_URL ?? '', '--to', 'file:moved%20on.db'],
    folder,
    env,
  )
  expect(moved).toMatchObject({ code: 0 })
  expect(existsSync(join(folder, 'moved on.db'))).toBe(true)
  const [, SIGNET_DATABASE_URL = ''] = /set SIGNET_DATABASE_URL to ([^,]+),/.exec(moved.stderr) ?? []
  expect(run([...signet, 'resource', 'list'], folder, { ...env, SIGNET_DATABASE_URL }).stdout).toContain('orders')
  const jwks = ['client', 'create', '--id', 'partner', '--auth-method', 'private_key_jwt', '--jwks', 'no-such.json']
  expect(run([...signet, ...jwks], folder, env).stderr).toContain(join(folder, 'no-such.json'))
})

sqliteTest('./signet makes a backup in the folder of the caller', ({ onTestFinished }) => {
  const { folder, env } = callerIn(onTestFinished)
  writeFileSync(join(folder, 'signet.yaml'), 'resources: [{ id: orders }]\n')
  expect(run([SCRIPT, 'apply', 'signet.yaml'], folder, env)).toMatchObject({ code: 0 })
  expect(run([SCRIPT, 'backup', 'copy.db'], folder, env).stdout).toContain(join(folder, 'copy.db'))
  expect(existsSync(join(folder, 'copy.db'))).toBe(true)
})

test('relative paths of variables start at the checkout, and messages show where that is', ({ onTestFinished }) => {
  const { folder, env } = callerIn(onTestFinished)
  const answer = run([SCRIPT, 'restore', 'copy.db'], folder, { ...env, SIGNET_KEYS_DIR: 'no/such/keys' })
  expect(answer).toMatchObject({ code: 1, stdout: '' })
  expect(answer.stderr).toContain(`${join(CHECKOUT, 'no/such/keys/master.key')} is missing`)
  const secret = run([SCRIPT, 'status'], folder, { ...env, SIGNET_MASTER_KEY_FILE: 'no/such.key' })
  expect(secret.stderr).toContain(join(CHECKOUT, 'no/such.key'))
  const config = run([SCRIPT, 'serve'], folder, { ...env, SIGNET_CONFIG: 'no/such.yaml' })
  expect(config.stderr).toContain(join(CHECKOUT, 'no/such.yaml'))
})

test('./signet serve has the options of npm start', () => {
  const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { scripts: { start: string } }
  expect(readFileSync(SCRIPT, 'utf8')).toContain(
    scripts.start.replace('exec node', '"$node"').replace(' serve', ' "$@"'),
  )
})

test('a checkout without Node, or without packages, is told in two lines', ({ onTestFinished }) => {
  const { folder, env } = callerIn(onTestFinished)
  copyFileSync(SCRIPT, join(folder, 'signet'))
  const tools = join(folder, 'tools')
  mkdirSync(tools)
  for (const tool of ['dirname', 'readlink', 'sh'])
    symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(tools, tool))
  const told = (PATH: string) => run(['./signet', 'status'], folder, { ...env, PATH })
  expect(told(tools)).toMatchObject({
    code: 1,
    stderr: `signet: there is no Node, neither in ${folder}/node_modules nor on the PATH\n  install Node 24 or newer (https://nodejs.org)\n`,
  })
  expect(told(process.env.PATH ?? '')).toMatchObject({
    code: 1,
    stderr: `signet: its packages are not installed in ${folder}\n  run npm ci there\n`,
  })
})

test('an old Node is told how this checkout gets a new one', ({ onTestFinished, skip }) => {
  const { folder } = callerIn(onTestFinished)
  const PATH = '/usr/local/bin:/usr/bin:/bin'
  const old = run(['/usr/bin/env', 'node', '--version'], folder, { PATH }).stdout.trim()
  if (!/^v(\d|1\d|2[0-3])\./.test(old)) skip(`the system's node is ${old || 'missing'}: no old one to try`)
  mkdirSync(join(folder, 'src'))
  copyFileSync(join(CHECKOUT, 'src/signet.js'), join(folder, 'src/signet.js'))
  const told = () => run(['/usr/bin/env', 'node', 'src/signet.js', 'serve'], folder, { PATH }).stderr.split('\n')[1]
  expect(told()).toMatch(/not installed\. Run: npm ci$/)
  mkdirSync(join(folder, 'node_modules/hono'), { recursive: true })
  expect(told()).toContain('npm ci --omit=dev')
  mkdirSync(join(folder, 'node_modules/node'))
  expect(told()).toContain('npm rebuild node')
  mkdirSync(join(folder, 'node_modules/.bin'))
  writeFileSync(join(folder, 'node_modules/.bin/node'), '')
  expect(told()).toContain('./signet')
})
