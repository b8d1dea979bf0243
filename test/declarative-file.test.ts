/** The declarative file as people write it, and as YAML can be used against its reader. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig, startIssuer } from '../src/index.ts'
import { declareOperator, operatorOf } from './support/admin.ts'
import { post } from './support/client.ts'
import { environmentOf, rememberingLog, startTestIssuer, temporaryFolder, type TestIssuer } from './support/issuer.ts'
import { signet } from './support/process.ts'

/** Tries to start with a file of this content; resolves with the lines of the refusal. Nothing is left behind. */
async function refusalOf(content: string | Buffer, name = 'signet.yaml'): Promise<string[]> {
  const folder = temporaryFolder()
  const file = join(folder, name)
  writeFileSync(file, content)
  return refusalAt(folder, file)
}

async function refusalAt(folder: string, file: string): Promise<string[]> {
  const before = readdirSync(folder)
  const starting = startIssuer(readConfig(environmentOf(folder, { SIGNET_CONFIG: file })), {
    log: rememberingLog().log,
  })
  const fault: unknown = await starting.then(
    (running) => running.stop(),
    (error: unknown) => error,
  )
  expect(fault).toMatchObject({ name: 'Fault' })
  expect(readdirSync(folder)).toEqual(before)
  return (fault as Error).message.split('\n').map((line) => line.replaceAll(`${folder}/`, ''))
}

const CLIENT = 'clients:\n  - client_id: a\n'
/** A resource with a claim, which stands in line 3. */
const claimOf = (value: string): string => `resources:\n  - id: urn:r\n    claims: {t: ${value}}\n`

// ------------------------------------------------------------------ what people write

/** Starts with an operator and this file; resolves with the issuer and a look at a client or resource. */
async function apply(content: string): Promise<(path: string) => Promise<Record<string, unknown>>> {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder)
  writeFileSync(file, content, { flag: 'a' })
  const issuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
  const operator = operatorOf(issuer, credentials)
  return async (path) => (await operator.call('GET', `/admin/api/${path}`)).body
}

test('a start names each new client that signs people in only by its redirect URI', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'signet.yaml')
  const back = 'redirect_uris: [https://app.example/back]'
  writeFileSync(
    file,
    `clients: [{ client_id: report, ${back} }, { client_id: cron, ${back}, grant_types: [client_credentials] }]`,
  )
  const { logged } = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
  expect(logged.filter((line) => line.includes('redirect_uris and no grant_types'))).toEqual([
    expect.stringMatching(/"level":"warn".*client report .*grant_types: \[client_credentials\]/),
  ])
})

test('anchors, merge keys and x- keys share settings, as in a Compose file', async () => {
  const look = await apply(
    `
  - &base
    client_id: base
    token_endpoint_auth_method: none
    grant_types: [refresh_token]
    access_token_ttl: 2m
    x-note: { of: ours }
  - <<: *base
    client_id: other
  - <<: [{ access_token_ttl: 1m }, *base]
    client_id: third
  - client_id: fourth
    <<: *base
x-more: &unused [1, 2]
`
      .replace('- &base', '- &base')
      .replace('*shared', '*base'),
  )
  expect(await look('clients/other')).toMatchObject({ token_endpoint_auth_method: 'none', access_token_ttl: 120 })
  expect(await look('clients/third')).toMatchObject({ grant_types: ['refresh_token'], access_token_ttl: 60 })
  expect(await look('clients/fourth')).toMatchObject({ access_token_ttl: 120 })
})

test('an anchor may be used hundreds of times', async () => {
  const resources = Array.from({ length: 300 }, (_, index) => `  - { <<: *base, id: r${index}, scope: *scope }\n`)
  const look = await apply(`x-base: &base { ttl: 7m }\nx-scope: &scope a b\nresources:\n${resources.join('')}`)
  expect(await look('resources/r299')).toMatchObject({ ttl: 420, scope: 'a b' })
})

test('a mistake in a merged mapping is told where it was written', async () => {
  const file = `x-base: &base\n  ttl: soon\n  tll: 5m\nresources:\n  - id: a\n  - <<: *base\n    id: b\n`
  const lines = await refusalOf(file)
  expect(lines[0]).toMatch(/^SIGNET_CONFIG: signet\.yaml:2: resources\.1\.ttl: /)
  expect(lines[1]).toMatch(
    /^SIGNET_CONFIG: signet\.yaml:3: resources\.1\.tll: not a key that Signet knows \(did you mean ttl\?\)/,
  )
})

test.each([
  ['a byte order mark', '\u{feff}resources: []\n'],
  ['line ends of Windows', 'resources:\r\n  - id: a\r\n'],
  ['JSON', '{"resources": [{"id": "a"}]}'],
  ['nothing', ''],
  ['a comment', '# later\n'],
  ['a document mark', '---\nresources: []\n...\n'],
])('a file of %s is read', async (_name, content) => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'signet.yaml'), content)
  await startTestIssuer({ SIGNET_CONFIG: join(folder, 'signet.yaml') }, { folder })
})

test.each([
  ['UTF-16', Buffer.from('\u{feff}resources: []\n', 'utf16le'), 'signet.yaml is UTF-16 text; save it as UTF-8'],
  [
    'UTF-16 without a mark',
    Buffer.from('resources: []\n', 'utf16le'),
    'signet.yaml is no UTF-8 text (it has zero bytes; UTF-16 text and binary files do)',
  ],
  ['Latin-1', Buffer.from('x-a: \xe9\n', 'latin1'), 'signet.yaml is no UTF-8 text'],
  ['two documents', 'resources: []\n---\nclients: []\n', 'signet.yaml:2: a second document begins here (---)'],
  ['three documents', '---\nresources: []\n---\n\n---\na: b\n', 'signet.yaml:3: a second document begins here (---)'],
])('a file of %s is told in plain words', async (_name, content, line) => {
  expect(await refusalOf(content)).toEqual([`SIGNET_CONFIG: ${line}`])
})

// ------------------------------------------------------------------ what YAML can do

/** Nine levels of nine aliases each: some 400 million values. */
const BOMB = [
  'x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]',
  ...'bcdefghi'.split('').map((name, index) => {
    const inner = `*${'abcdefghi'[index]}`
    return `x-${name}: &${name} [${Array(9).fill(inner).join(', ')}]`
  }),
].join('\n')

test.each([
  ['an alias bomb', BOMB, /^signet\.yaml:7: with its aliases it becomes more than 1000000 values$/],
  [
    'a bomb of merge keys',
    BOMB.replace(/\[1.*/, '{ k: 1 }').replaceAll('[', '{ l: [').replaceAll(']', '] }'),
    /^signet\.yaml:\d+: with its aliases/,
  ],
  ['a list inside itself', 'x-a: &a\n  - *a\n', /^signet\.yaml:2: \*a stands inside &a itself$/],
  ['a mapping merged into itself', 'x-a: &a\n  <<: *a\n', /^signet\.yaml:2: (\*a stands inside &a itself)$/],
  ['an unknown alias', 'x-a: *b\n', /^signet\.yaml:1: \*b: there is no &b above it$/],
  [
    'deep nesting',
    `x-a:\n  ${'['.repeat(150)}${']'.repeat(150)}\n`,
    /^signet\.yaml:2: it is nested deeper than 100 levels$/,
  ],
  ['very deep nesting', `x-a: ${'['.repeat(200_000)}`, /^signet\.yaml:1: it is nested too deeply to be read$/],
  ['thousands of aliases', `x-a: &a 1\nx-b: [${'*a, '.repeat(10_001)}]\n`, /^signet\.yaml:2: more than 10000 aliases$/],
  [
    'claims of JavaScript',
    `${CLIENT}    claims:\n      team: a\n      __proto__: { admin: true }\n`,
    /^signet\.yaml:5: \S*__proto__: not a name/,
  ],
  [
    'the same in JSON',
    '{\n"clients":[{"client_id":"a",\n"claims":{"__proto__":{}}}]}',
    /^signet\.yaml:3: \S*__proto__: not a name/,
  ],
  [
    'the same behind a merge key',
    `x-a: &a\n  "__proto__": 1\n${CLIENT}    claims: { <<: *a }\n`,
    /^signet\.yaml:2: \S*__proto__: not a name/,
  ],
  ['a key that is a list', `${CLIENT}    claims: { ? [a, b] : c }\n`, /^signet\.yaml:3: a key has to be a plain text$/],
  ['a merge of no mapping', `${CLIENT}    <<: [a]\n`, /^signet\.yaml:3: <<: expected a mapping/],
  ['a merge of an alias of no mapping', `x-a: &a b\n${CLIENT}    <<: *a\n`, /^signet\.yaml:4: <<: expected a mapping/],
  ['a tag that is not known', `${CLIENT}    client_name: !secret x\n`, /^signet\.yaml:3:\d+: .*!secret/],
  [
    'a 64-bit id',
    `${CLIENT}    claims:\n      tenant: 1147953659032899585\n`,
    /^signet\.yaml:4: clients\.0\.claims\.tenant: .*1147953659032899585/,
  ],
  ['a number without end', `${CLIENT}    claims: { most: .inf }\n`, /^signet\.yaml:3: clients\.0\.claims\.most: /],
  [
    'too many digits',
    `${CLIENT}    claims: { pi: 3.14159265358979323846 }\n`,
    /^signet\.yaml:3: clients\.0\.claims\.pi: .*3\.14159265358979323846/,
  ],
  ['a name with too many digits', claimOf('{9007199254740993: 1}'), /^signet\.yaml:3/],
  ['a name whose digits change', claimOf('{0.1000000000000000055511: 1}'), /^signet\.yaml:3/],
  ['a set', claimOf('!!set {a}'), /^signet\.yaml:3/],
  ['an ordered map', claimOf('!!omap [a: 1]'), /^signet\.yaml:3/],
  ['binary', claimOf('!!binary aGk='), /^signet\.yaml:3/],
  ['no mapping at all', '- a\n- b\n', /^signet\.yaml:1: file: /],
])('%s stops the start with a line', async (_name, content, line) => {
  const [first = '', ...more] = await refusalOf(content)
  expect(first.replace('SIGNET_CONFIG: ', '')).toMatch(line)
  expect(more).toEqual([])
})

test('a file that declares the issuer as a resource is refused with its line, and nothing of it is applied', async () => {
  const folder = temporaryFolder()
  const issuer = await startTestIssuer({}, { folder })
  const file = join(folder, 'declared.yaml')
  writeFileSync(file, `resources:\n  - id: urn:first\n  - id: ${issuer.url}\n`)
  const planned = await signet(['apply', file, '--dry-run'], issuer.env)
  expect(planned.code, planned.stdout).toBe(1)
  const applied = await signet(['apply', file], issuer.env)
  expect(applied.stderr).toMatch(/declared\.yaml:3/)
  expect((await signet(['resource', 'list', '--json'], issuer.env)).stdout).not.toContain('urn:first')
})

test('numbers that JavaScript keeps are kept', async () => {
  const look = await apply(`
  - client_id: n
    token_endpoint_auth_method: none
    grant_types: [refresh_token]
    claims: { a: 9007199254740991, b: -0.25, c: 1e3, d: 0.1, e: "1147953659032899585" }
`)
  expect((await look('clients/n')).claims).toEqual({
    a: 9007199254740991,
    b: -0.25,
    c: 1000,
    d: 0.1,
    e: '1147953659032899585',
  })
})

test('a file that is no regular file, or has no end, cannot block a start', async () => {
  const folder = temporaryFolder()
  execFileSync('mkfifo', [join(folder, 'pipe')])
  mkdirSync(join(folder, 'folder'))
  symlinkSync('/dev/zero', join(folder, 'zero'))
  symlinkSync('nowhere', join(folder, 'dangling'))
  writeFileSync(join(folder, 'large'), Buffer.alloc(4 * 1024 * 1024 + 1, '#'))
  const told = async (name: string) => (await refusalAt(folder, join(folder, name)))[0]
  expect(await told('pipe')).toBe('SIGNET_CONFIG: pipe is no regular file')
  expect(await told('zero')).toBe('SIGNET_CONFIG: zero is no regular file')
  expect(await told('folder')).toBe('SIGNET_CONFIG: folder is a folder')
  expect(await told('dangling')).toBe('SIGNET_CONFIG: dangling cannot be read (ENOENT)')
  expect(await told('large')).toBe('SIGNET_CONFIG: large is larger than 4 MB')
})

test.each([
  [
    'a client_id that cannot be',
    'clients:\n  - client_id: "a b"\n    token_endpoint_auth_method: none\n',
    /:2: client_id/,
  ],
  [
    'a resource that is nowhere',
    `${CLIENT}    token_endpoint_auth_method: none\n    grant_types: [refresh_token]\n    resources: [nowhere]\n`,
    /:2: resources: nowhere is neither/,
  ],
  [
    'a secret where none belongs',
    `${CLIENT}    token_endpoint_auth_method: none\n    client_secret: { env: PATH }\n`,
    /:\d: /,
  ],
  ['a resource that cannot be', 'resources:\n  - { id: "a b" }\n', /:2: /],
])('%s stops the very first start before a database is made', async (_name, content, line) => {
  const lines = await refusalOf(content)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(line)
})

// ------------------------------------------------------------------ secrets

const SECRET = 'a+b/c%41= "quoted" ünicode, and long enough'

test.each(['', '\n', '\r\n', ' \n\n'])(
  'a secret from a variable or a file is taken without its line end %j',
  async (end) => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'secret'), SECRET + end)
    const client = (id: string, reference: string) =>
      `  - { client_id: ${id}, client_secret: ${reference}, grant_types: [client_credentials], resources: [api] }\n`
    const file = join(folder, 'signet.yaml')
    const name = `SECRET_OF_${folder.replaceAll(/\W/g, '_')}`
    writeFileSync(
      file,
      `resources: [{ id: api }]\nclients:\n${client('e', `{ env: ${name} }`)}${client('f', '{ file: secret }')}`,
    )
    process.env[name] = SECRET + end
    const issuer: TestIssuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
    delete process.env[name]
    for (const clientId of ['e', 'f']) {
      const answer = await post(issuer, '/token', { grant_type: 'client_credentials' }, { clientId, secret: SECRET })
      expect(answer.status, answer.text).toBe(200)
    }
  },
)

test('a file of a secret is a regular file of one line and at most 4 KB', async () => {
  const folder = temporaryFolder()
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const file = join(folder, 'signet.yaml')
  const told = async (reference: string, content?: string | Buffer) => {
    if (content !== undefined) writeFileSync(join(folder, 'secret'), content)
    writeFileSync(file, `${CLIENT}    client_secret: { file: ${reference} }\n`)
    const [line = ''] = await refusalAt(folder, file)
    expect(line).toMatch(/^SIGNET_CONFIG: signet\.yaml:3: client_secret: /)
    expect(line).not.toContain('hunter2')
    return line.replace('SIGNET_CONFIG: signet.yaml:3: client_secret: ', '')
  }
  expect(await told('/dev/zero')).toBe('/dev/zero is no regular file')
  expect(await told('pipe')).toBe('pipe is no regular file')
  expect(await told('missing')).toBe('missing cannot be read (ENOENT)')
  expect(await told('~/secret')).toBe('read "~/secret", but ~ is not expanded here: write the whole path')
  expect(await told('secret', 'hunter2'.repeat(1000))).toBe('secret is larger than 4 KB')
  expect(await told('secret', '\n')).toBe('secret is empty')
  expect(await told('secret', `${'hunter2'.repeat(8)}\nhunter2\n`)).toBe(
    'secret has a line break or another control character inside',
  )
  expect(await told('secret', Buffer.from(`\u{feff}${'hunter2'.repeat(8)}`, 'utf16le'))).toBe(
    'secret is UTF-16 text; save it as UTF-8',
  )
})

// ------------------------------------------------------------------ a secret that stands in the file

const PART = '0123456789'
const DIGITS = PART.repeat(5)

test.each([
  ['a number', DIGITS],
  ['a number in a list', `[${DIGITS}]`],
  ['a name that is a number', `{ ${DIGITS}: a }`],
  ['a text', `a${DIGITS}`],
  ['an alias', `*a${DIGITS}`],
  ['a tag', `!a${DIGITS} b`],
  ['a tag of YAML', `!!a${DIGITS} b`],
  ['the head of a block', `|a${DIGITS}`],
  ['an escape', `"\\U${DIGITS}"`],
])('%s that is the secret itself is refused with its line and not shown', async (_, written) => {
  const places = {
    client_secret: `${CLIENT}    client_secret: ${written}\n    scope: a\n`,
    password: `users:\n  - username: ada\n    password: ${written}\n`,
    both: `x-secret: &secret { client_secret: ${written} }\nclients:\n  - { <<: *secret, client_id: a }\n`,
  }
  for (const content of Object.values(places)) {
    const lines = await refusalOf(content)
    expect(lines).toHaveLength(1)
    expect(lines.join('\n')).toMatch(/^SIGNET_CONFIG: signet\.yaml:[134]:/)
    expect(lines.join('\n')).not.toContain(PART)
  }
})
