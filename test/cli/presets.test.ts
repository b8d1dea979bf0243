/** `signet client create --for APP`: each preset makes a sound client, and prints a block with the real values. */
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { PRESETS, choosePreset, presetBehind } from '../../src/clients/presets/index.ts'
import { Place } from './run-signet.ts'

interface Made {
  client_id: string
  client_secret?: string
  redirect_uris: string[]
  require_pkce: boolean
  paste: string
  notes: string[]
}

test('every preset makes a client, prints a block with the real values, and is known again by its client', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  for (const id of ['sts.amazonaws.com', 'https://iam.googleapis.com/signet', 'api://AzureADTokenExchange'])
    await place.json('resource', 'create', id)
  for (const [name, { hasUrl }] of PRESETS) {
    const url = hasUrl ? ['--url', 'https://app.example.com/'] : []
    const made = await place.json<Made>('client', 'create', '--id', `my-${name}`, '--for', name, ...url)
    const { client_id: id, client_secret: secret, paste, notes } = made
    const values = [id, secret].filter((each) => each !== undefined)
    // A cloud knows a service by its `sub`; it needs no secret.
    const shown = ['aws', 'gcp', 'azure'].includes(name) ? values.slice(0, 1) : values
    expect({ name, missing: shown.filter((value) => !paste.includes(value)) }).toEqual({ name, missing: [] })
    expect(`${paste}${notes.join()}`).not.toMatch(
      /undefined|null|\bCLIENT_ID(?!": )\b|client_id}|https:\/\/app\.example\.com\/\//,
    )
    expect(notes.length).toBeGreaterThan(0)
    const known = secret === undefined ? paste : paste.replaceAll(secret, 'THE_SECRET_SHOWN_ONCE')
    expect(await place.json('client', 'paste', id)).toEqual({ for: name, paste: known, notes })
  }
  const file = place.file('exported.yaml')
  await place.json('export', file)
  expect(await place.json('apply', file)).toMatchObject({ created: [], changed: [] })
  const elsewhere = await new Place(onTestFinished).migrate()
  await elsewhere.json('apply', file)
  const records = async (where: Place) => {
    const clients = await where.json<Record<string, unknown>[]>('client', 'list')
    const told = ['secrets', 'created_at', 'updated_at', 'client_id_issued_at', 'declared_by']
    return clients.map((each) => Object.fromEntries(Object.entries(each).filter(([key]) => !told.includes(key))))
  }
  expect(await records(elsewhere)).toEqual(await records(place))
}, 300_000)

test('the address of an app is read off its redirect URIs as it was typed', ({ expect }) => {
  const urls = ['https://x.example', 'https://X.example:8443', 'https://x.example/app', 'https://x.example/a//b']
  for (const name of PRESETS.keys())
    for (const url of urls) {
      const chosen = choosePreset(name, url)
      if ('fault' in chosen) throw new Error(chosen.fault)
      const { redirectUris = [] } = chosen.change
      const added = [...redirectUris, 'https://elsewhere.example/user/oauth2/signet/callback']
      for (const uris of [redirectUris, added])
        expect(presetBehind({ preset: name, redirectUris: uris })?.change, `${name} ${url}`).toEqual(chosen.change)
    }
})

test('an address that gives no redirect URI is told in one line, by each preset that needs one', async ({
  expect,
  onTestFinished,
}) => {
  const odd = [
    'http://10.0.0.1:3000',
    'https://x.example/../a',
    'https://0x7f.1',
    `https://x.example/${'a'.repeat(3000)}`,
    'https://x.example/*',
    'https:x.example',
    'http://:80',
  ]
  for (const [name] of [...PRESETS].filter(([, { hasUrl }]) => hasUrl))
    for (const url of odd) expect(choosePreset(name, url), `${name} ${url}`).toMatchObject({ at: 'url' })
  const place = new Place(onTestFinished)
  const { code, stderr } = await place.run(['client', 'create', '--for', 'grafana', '--url', 'http://10.0.0.1:3000'])
  expect([code, stderr.trimEnd().split('\n').length], stderr).toEqual([2, 2])
  expect(stderr).toMatch(/^signet: --url: redirect_uris would be "http:\/\/10\.0\.0\.1:3000\/login\/generic_oauth": /)
  const file = place.file('signet.yaml')
  writeFileSync(file, 'clients:\n  - client_id: charts\n    for: grafana\n    url: http://10.0.0.1:3000\n')
  const applied = await place.run(['apply', file, '--new'])
  expect(applied).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^signet: \S+signet\.yaml:4: clients\.0\.url: redirect_uris would be /),
  })
})

test('people read the name of the app alone when they sign in', ({ expect }) => {
  for (const { title } of PRESETS.values())
    if (!/^(AWS|Google Cloud|Azure)/.test(title)) expect(title).not.toMatch(/\(|^An? /)
})

test('a cloud needs a resource: it is asked for while it is missing, and the secret comes with a line that gets a token', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  for (const name of ['aws', 'gcp', 'azure']) {
    const first = await place.run(['client', 'create', '--id', `first-${name}`, '--for', name])
    const [secret] = /sgs_[\w-]+/.exec(first.stdout) ?? []
    expect(first.stdout).toContain(`client_secret  ${secret}`)
    expect(first.stdout).toMatch(new RegExp(`curl .*first-${name}:${secret} .*grant_type=client_credentials.*/token`))
    const step = /make the resource first: signet (resource create .*)/.exec(first.stderr)?.[1] ?? ''
    expect((await place.run(step.split(' '))).code, step).toBe(0)
    const second = await place.run(['client', 'create', '--id', `second-${name}`, '--for', name])
    expect(second.stderr).not.toContain('make the resource first')
  }
})

test('the block for GitLab names the setting that blocks new people', ({ expect }) => {
  const chosen = choosePreset('gitlab', 'https://git.example')
  if ('fault' in chosen) throw new Error(chosen.fault)
  const values = { issuer: '', clientId: '', clientSecret: '', authMethod: '', url: '', redirectUris: [], brand: '' }
  const block = chosen.preset.paste({ ...values, at: (path) => path })
  expect(block).toContain("gitlab_rails['omniauth_block_auto_created_users'] = false")
})

test('the note of Cursor keeps the name of its key', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const { notes } = await place.json<Made>('client', 'create', '--id', 'cur1', '--for', 'cursor')
  expect(notes.join()).toContain('"auth": {"CLIENT_ID": "cur1"}')
})

test('flags win over the preset', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const create = 'client create --for grafana --url https://grafana.example.com --name Charts --require-pkce false'
  const made = await place.json<Made & { client_name: string }>(...create.split(' '))
  expect(made).toMatchObject({
    client_name: 'Charts',
    require_pkce: false,
    redirect_uris: ['https://grafana.example.com/login/generic_oauth'],
  })
})

test('an unknown app, a missing address and one that is none are told in one line', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const refused = async (line: string) => {
    const { code, stderr } = await place.run(['client', 'create', ...line.split(' ')])
    return { code, said: stderr.split('\n')[0] }
  }
  expect(await refused('--for grafna --url https://g.example')).toEqual({
    code: 2,
    said: 'signet: --for: there is no preset "grafna" (did you mean grafana?)',
  })
  expect(await refused('--for postgres')).toMatchObject({ code: 2, said: expect.stringContaining('device flow') })
  expect(await refused('--for grafana')).toMatchObject({ code: 2, said: expect.stringContaining('--url') })
  expect(await refused('--for grafana --url grafana.example')).toMatchObject({ code: 2 })
  expect(await refused('--for grafana --url https://g.example/?a=b')).toMatchObject({ code: 2 })
  expect(await refused('--url https://g.example')).toMatchObject({ code: 2, said: expect.stringContaining('--for') })
})

test('presets are listed', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const presets = await place.json<{ name: string; title: string; needs_url: boolean }[]>('client', 'presets')
  expect(presets.map(({ name }) => name)).toEqual([...PRESETS.keys()])
  expect(presets.find(({ name }) => name === 'grafana')).toEqual({ name: 'grafana', title: 'Grafana', needs_url: true })
})

test('a client of the declarative file names its app, and a mistake is told with its line', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { CHARTS_SECRET: 'a secret of the operator, long enough' })
  const file = place.file('signet.yaml')
  const declare = (lines: string) =>
    writeFileSync(file, `clients:\n  - client_id: charts\n${lines}    client_secret: { env: CHARTS_SECRET }\n`)
  declare('    for: grafana\n    url: https://grafana.example.com\n    client_name: Charts\n')
  expect((await place.run(['apply', file])).code).toBe(0)
  expect(await place.json('client', 'show', 'charts')).toMatchObject({
    client_name: 'Charts',
    redirect_uris: ['https://grafana.example.com/login/generic_oauth'],
  })
  expect(await place.json('apply', file)).toMatchObject({ created: [], changed: [] })
  declare('    for: grafna\n')
  expect((await place.run(['apply', file])).stderr).toMatch(/:3: .*for.*did you mean grafana/)
  declare('    for: grafana\n')
  expect((await place.run(['apply', file])).stderr).toMatch(/own address/)
})
