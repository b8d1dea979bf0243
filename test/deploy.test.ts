/**
 * What runs Signet elsewhere: the container file and the systemd unit, as far as neither Docker nor systemd is needed.
 *
 * Not again on PostgreSQL: it is about the file of SQLite.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { readConfig } from '../src/index.ts'
import { until } from './support/admin.ts'
import { copies, execForm, splitOnce, stagesOf, withoutComments } from './support/dockerfile.ts'
import { temporaryFolder } from './support/issuer.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

// ------------------------------------------------------------------ the container

const [beforeStages, ...stages] = stagesOf(join(ROOT, 'deploy/Dockerfile'))
const last = stages.at(-1) ?? []
const all = stages.flat()
const only = (word: string, instructions = last): string => {
  const found = instructions.filter((each) => each.word === word)
  expect(found, word).toHaveLength(1)
  return found[0]?.text ?? ''
}
const environment: Record<string, string> = Object.fromEntries(only('ENV').split(' ').map(splitOnce))

test('every line of the container file is an instruction that was understood here', () => {
  expect(all.filter(({ word }) => word === '')).toEqual([])
  expect(stages).toHaveLength(2)
})

test('the container runs the Node that the package asks for, and installs by the lock file alone, without scripts', () => {
  const { engines } = z.object({ engines: z.object({ node: z.string() }) }).parse(JSON.parse(read('package.json')))
  const major = /^>=(\d+)$/.exec(engines.node)?.[1]
  const bases = all.filter(({ word }) => word === 'FROM').map(({ text }) => text.split(' ')[0])
  expect(new Set(bases)).toEqual(new Set([`node:${major}-slim@\${NODE_DIGEST}`]))
  const installs = all.filter(({ text }) => /\bnpm (ci|i|install)\b/.test(text))
  expect(installs).toHaveLength(1)
  expect(installs[0]?.text).toMatch(/npm ci --omit=dev --ignore-scripts/)
  expect(last.some(({ text }) => text.includes('npm ci'))).toBe(false)
})

test('the container runs as nobody special, with Node as process 1, stopped by SIGTERM', () => {
  const [uid = '0'] = only('USER').split(':')
  expect(Number(uid)).toBeGreaterThan(0)
  expect(last.findIndex(({ word }) => word === 'USER')).toBeGreaterThan(
    last.findLastIndex(({ word }) => word === 'COPY'),
  )
  expect(execForm(only('ENTRYPOINT'))[0]).toBe('node')
  expect(execForm(only('CMD'))).toEqual(['serve'])
  expect(only('STOPSIGNAL')).toBe('SIGTERM')
  expect(all.filter(({ word, text }) => word === 'COPY' && text.includes('--chown'))).toEqual([])
})

test('what the container writes lies in its volumes, and its variables are ones that Signet knows', () => {
  const volumes = execForm(only('VOLUME'))
  const known = Object.entries(environment).filter(([name]) => name.startsWith('SIGNET_'))
  const config = readConfig(Object.fromEntries(known))
  expect(volumes).toContain(dirname(config.databaseUrl.slice('file:'.length)))
  expect(volumes).toContain(config.keysDir)
  expect(config.host).toBe('0.0.0.0')
  expect(only('EXPOSE')).toBe(String(config.port))
})

test('no secret is built in, and nothing comes from the network but packages', () => {
  expect(all.filter(({ word }) => word === 'ADD')).toEqual([])
  // The digest of the base, without a default: nobody builds on a base that was not chosen.
  expect(beforeStages.map(({ word, text }) => `${word} ${text}`)).toEqual(['ARG NODE_DIGEST'])
  // The id of the commit, which `signet --version` prints.
  expect(all.filter(({ word }) => word === 'ARG').map(({ text }) => text)).toEqual(['COMMIT'])
  expect(Object.keys(environment).filter((name) => /KEY$|SECRET|TOKEN|PASSWORD/.test(name))).toEqual([])
  expect(all.filter(({ text }) => /\b(curl|wget|apt-get|git)\b/.test(text))).toEqual([])
})

test('everything that it copies is there, and is all that the builder is given', () => {
  const sources = stages.flatMap(copies).flatMap((words) => words.slice(0, -1))
  expect(sources.length).toBeGreaterThan(4)
  expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  const lines = withoutComments(read('.dockerignore')).split('\n').filter(Boolean)
  expect(lines[0]).toBe('*')
  expect(lines.slice(1).toSorted()).toEqual([...new Set(sources.map((path) => `!${path}`))].toSorted())
})

/** The folder as the container has it: what is copied, and the packages that a release installs. */
function containerFolder(): string {
  const app = join(temporaryFolder(), 'app')
  for (const [source = '', target = ''] of copies(last)) {
    expect(existsSync(join(ROOT, source))).toBe(true)
    cpSync(join(ROOT, source), join(app, target === './' ? source : target), { recursive: true })
  }
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(read('package.json')))
  for (const name of Object.keys(dependencies)) {
    const link = join(app, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link)
  }
  return app
}

/** Node with the rest of a command that the container file gives, in a folder in place of /app. */
const inFolder = (command: string[], app: string): [string, string[]] => [
  process.execPath,
  command.slice(1).map((word) => word.replace(/^\/app\//, `${app}/`)),
]

test('the program in the container tells the commit that the build was given, and no other word', () => {
  const app = containerFolder()
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')))
  const commit = 'c0ffee00112233445566778899aabbccddeeff00'
  const [writes, ...more] = last.filter(({ word, text }) => word === 'RUN' && text.includes('COMMIT'))
  expect(more).toEqual([])
  const builtWith = (env: NodeJS.ProcessEnv): string => {
    execFileSync('sh', ['-c', writes?.text ?? ''], { cwd: app, env: { PATH: process.env.PATH, ...env } })
    return spawnSync(process.execPath, [join(app, 'src/signet.js'), '--version'], { encoding: 'utf8' }).stdout
  }
  expect(builtWith({ COMMIT: commit })).toBe(`${version} (${commit.slice(0, 12)})\n`)
  expect(builtWith({})).toBe(`${version}\n`)
  expect(builtWith({ COMMIT: 'main' })).toBe(`${version}\n`)
})

test('it starts from what is copied alone, is found healthy by its own check, and ends well by its own signal', async () => {
  const app = containerFolder()
  const place = temporaryFolder()
  const [node, words] = inFolder([...execForm(only('ENTRYPOINT')), ...execForm(only('CMD'))], app)
  const env = {
    ...environment,
    SIGNET_HOST: '127.0.0.1',
    SIGNET_PORT: '0',
    SIGNET_DATABASE_URL: `file:${join(place, 'signet.db')}`,
    SIGNET_KEYS_DIR: join(place, 'keys'),
  }
  const child = spawn(node, words, { cwd: app, env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
  const exited = once(child, 'exit')
  await until(async () => {
    expect(child.exitCode, said).toBeNull()
    return /Signet serves/.test(said)
  }, 45_000)

  const port = /localhost:(\d+)/.exec(said)?.[1] ?? ''
  const [, check] = inFolder(execForm(only('HEALTHCHECK')), app)
  const health = () => spawnSync(process.execPath, check, { env: { SIGNET_PORT: port }, timeout: 10_000 }).status
  expect(health()).toBe(0)
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
  expect(health()).toBe(1)
}, 60_000)

// ------------------------------------------------------------------ the unit

const UNIT = 'deploy/signet.service'
/** All values of a directive, in order. */
const directive = (name: string): string[] =>
  [...withoutComments(read(UNIT)).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)

/** The variables that the unit sets, its credential in a file. */
function unitEnvironment(credentials: string): Record<string, string> {
  const pairs = directive('Environment').flatMap((line) => line.replaceAll('%d', credentials).split(' '))
  return Object.fromEntries(pairs.map(splitOnce))
}

test('the unit gives Signet its master key as a credential, and its state folders', () => {
  const folder = temporaryFolder()
  const [name = ''] = directive('LoadCredential')[0]?.split(':') ?? []
  const key = Buffer.alloc(32, 7).toString('base64url')
  writeFileSync(join(folder, name), `${key}\n`)
  const variables = Object.entries(unitEnvironment(folder)).filter(([each]) => each.startsWith('SIGNET_'))
  const config = readConfig(Object.fromEntries(variables))
  expect(config.masterKeys).toEqual([key])
  const folders = directive('StateDirectory').flatMap((line) => line.split(' ').map((each) => `/var/lib/${each}`))
  expect(folders).toContain(dirname(config.databaseUrl.slice('file:'.length)))
  expect(folders).toContain(config.keysDir)
  expect(directive('WorkingDirectory')).toEqual([folders[0]])
})

test('the unit leaves Signet the time that it takes to stop, and V8 the memory that it compiles into', () => {
  expect(Number(directive('TimeoutStopSec')[0])).toBeGreaterThan(10)
  expect(directive('KillSignal')).toEqual(['SIGTERM'])
  expect(directive('Restart')).toEqual(['on-failure'])
  expect(directive('MemoryDenyWriteExecute')).toEqual(['no'])
})

test('the unit lets Signet call what the runbooks point it at: a database elsewhere, apps that it signs out of, key sets', () => {
  const shut = ['IPAddressDeny', 'IPAddressAllow', 'PrivateNetwork', 'RestrictNetworkInterfaces', 'IPIngressFilterPath']
  expect(shut.filter((name) => directive(name).length > 0)).toEqual([])
  expect(directive('RestrictAddressFamilies')[0]?.split(' ')).toEqual(
    expect.arrayContaining(['AF_INET', 'AF_INET6', 'AF_UNIX']),
  )
})

test('the command line beside the unit works on the same files', () => {
  const script = read('deploy/signet.sh')
  for (const name of ['SIGNET_DATABASE_URL', 'SIGNET_KEYS_DIR'])
    expect(script).toContain(`${name}="\${${name}:-${unitEnvironment('')[name]}}"`)
  expect(script).toContain(`/usr/bin/node ${/node (?:--\S+ )*(\S+)/.exec(directive('ExecStart')[0] ?? '')?.[1]}`)
  for (const file of [...directive('EnvironmentFile'), directive('LoadCredential')[0]?.split(':')[1]])
    expect(script).toContain(file)
  for (const user of [...directive('User'), ...directive('Group')]) expect(script).toContain(user)
  execFileSync('sh', ['-n', join(ROOT, 'deploy/signet.sh')])
})

/** The script beside a service whose folders are in a place of their own, run by this user. */
function serviceCommand(place: string): (line: string, given?: Record<string, string>) => string {
  mkdirSync(join(place, 'etc'), { recursive: true })
  mkdirSync(join(place, 'lib'))
  writeFileSync(join(place, 'etc/master.key'), `${Buffer.alloc(32, 7).toString('base64url')}\n`)
  writeFileSync(join(place, 'etc/signet.env'), 'SIGNET_ISSUER=https://auth.example.com\nSIGNET_LOG_LEVEL=error\n')
  const script = read('deploy/signet.sh')
    .replaceAll('/var/lib/signet', join(place, 'lib'))
    .replaceAll('/etc/signet', join(place, 'etc'))
    // A release has it compiled; a checkout runs the same program from its source.
    .replace(/exec setpriv .* \/usr\/bin\/node \/opt\/signet\/dist/, `exec ${process.execPath} ${ROOT}/src`)
  writeFileSync(join(place, 'signet'), script)
  const env = { PATH: process.env.PATH ?? '' }
  return (line, given = {}) =>
    execFileSync('sh', [join(place, 'signet'), ...line.split(' ')], {
      env: { ...env, ...given },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
}

test('a restore is tried elsewhere with the command line beside the unit, and the service keeps its own database', () => {
  const place = temporaryFolder()
  const signet = serviceCommand(place)
  signet('client create --id billing')
  const backup = join(place, 'backup.db')
  signet(`backup ${backup}`)
  signet('client delete billing')

  const elsewhere = { SIGNET_DATABASE_URL: `file:${join(place, 'a try/signet.db')}` }
  signet(`restore ${backup}`, elsewhere)
  expect(signet('client list', elsewhere)).toContain('billing')
  expect(signet('status', elsewhere)).toContain(join(place, 'a try/signet.db'))
  const status = signet('status')
  expect(status).toContain(join(place, 'lib/data/signet.db'))
  expect(status).toContain('https://auth.example.com')
  expect(signet('client list')).not.toContain('billing')
}, 60_000)

/** The environment that the script hands to Node, with this file of variables, under each shell that is here. */
function handedOver(file: string, given: Record<string, string>): Record<string, string>[] {
  const place = temporaryFolder()
  serviceCommand(place)
  writeFileSync(join(place, 'etc/signet.env'), file)
  const script = readFileSync(join(place, 'signet'), 'utf8').replace(/^exec .*$/m, 'exec env -0')
  writeFileSync(join(place, 'signet'), script)
  const shells = ['sh', 'dash', 'bash'].filter((shell) => spawnSync(shell, ['-c', ':']).status === 0)
  const before = readdirSync(place, { recursive: true })
  return shells.map((shell) => {
    const env = { PATH: process.env.PATH ?? '', ...given }
    const { stdout, stderr, status } = spawnSync(shell, [join(place, 'signet')], { env, encoding: 'utf8', cwd: place })
    expect(status, stderr).toBe(0)
    expect(stderr).toBe('')
    expect(readdirSync(place, { recursive: true })).toEqual(before)
    return Object.fromEntries(stdout.split('\0').filter(Boolean).map(splitOnce))
  })
}

test('the command line beside the unit never runs a word of its variables, whoever set them', () => {
  const run = '$(touch PWNED) `touch PWNED`; touch PWNED; #'
  const given = {
    SIGNET_A: 'x\ny',
    SIGNET_B: `;${run}`,
    SIGNET_C: `'\n${run}\n'`,
    SIGNET_D: `"\\\n${run}`,
    SIGNET_LOG_LEVEL: `it's "given" ${run}`,
    SIGNET_PORT: '',
    ENV: 'PWNED',
  }
  const file = [
    '# a comment',
    '; another',
    '',
    'SIGNET_ISSUER="https://auth.example"\r',
    `SIGNET_RUN=a b ${run}`,
    'SIGNET_QUOTED=\'it;s "x"\'',
    '\t SIGNET_BLANKS=x \t',
    'SIGNET_EMPTY=',
    'SIGNET_EQUALS=a=b==',
    'SIGNET_LOG_LEVEL=from the file',
    'SIGNET_PORT=9',
    'NODE_EXTRA_CA_CERTS=/etc/ca.pem',
  ].join('\n')
  for (const env of handedOver(file, given)) {
    expect(env).toMatchObject(given)
    expect(env).toMatchObject({
      SIGNET_ISSUER: 'https://auth.example',
      SIGNET_RUN: `a b ${run}`,
      SIGNET_QUOTED: 'it;s "x"',
      SIGNET_BLANKS: 'x',
      SIGNET_EMPTY: '',
      SIGNET_EQUALS: 'a=b==',
      NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    })
  }
  expect(withoutComments(read('deploy/signet.sh'))).not.toMatch(/\beval\b|^\s*\. |\bsource\b/m)
})

test('the command line beside the unit tells a line of the file that is no assignment', () => {
  for (const line of ['export SIGNET_A=1', 'SIGNET_A', '=x', '1A=x', 'SIGNET-A=x', '$(touch PWNED)=x']) {
    const place = temporaryFolder()
    serviceCommand(place)
    writeFileSync(join(place, 'etc/signet.env'), `SIGNET_LOG_LEVEL=error\n${line}\n`)
    const { status, stderr } = spawnSync('sh', [join(place, 'signet'), 'status'], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `signet: ${place}/etc/signet.env:2: expected NAME=value\n`,
    })
  }
})

test('systemd accepts every line of the unit, and finds it well shut', ({ skip }) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) skip('no systemd-analyze here')
  const unit = join(temporaryFolder(), 'signet.service')
  writeFileSync(unit, read(UNIT).replaceAll('/usr/bin/node', process.execPath))
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  expect(`${verified.stdout}${verified.stderr}`).not.toContain('signet.service')
  expect(verified.status).toBe(0)
  // Exposure in tenths, from 0 to 100: a service as it comes has 96.
  const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', '--threshold=15', unit], {
    encoding: 'utf8',
  })
  expect(judged.status, judged.stdout).toBe(0)
})
