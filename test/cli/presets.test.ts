/** `signet client create --for APP`: each preset makes a sound client, and prints a block with the real values. */
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { PRESETS } from '../../src/clients/presets/index.ts'
import { Place } from './run-signet.ts'

interface Made {
  client_id: string
  client_secret?: string
  redirect_uris: string[]
  require_pkce: boolean
  paste: string
  notes: string[]
}

test('every preset makes a client, and its block is filled with the real values', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  for (const [name, { hasUrl }] of PRESETS) {
    const url = hasUrl ? ['--url', 'https://app.example.com/'] : []
    const made = await place.json<Made>('client', 'create', '--id', `my-${name}`, '--for', name, ...url)
    const values = [made.client_id, made.client_secret].filter((each) => each !== undefined)
    // A cloud knows a service by its `sub`; it needs no secret.
    const shown = ['aws', 'gcp', 'azure'].includes(name) ? values.slice(0, 1) : values
    expect({ name, missing: shown.filter((value) => !made.paste.includes(value)) }).toEqual({ name, missing: [] })
    expect(`${made.paste}${made.notes.join()}`).not.toMatch(
      /undefined|null|\bCLIENT_ID\b|https:\/\/app\.example\.com\/\//,
    )
    expect(made.notes.length).toBeGreaterThan(0)
  }
}, 300_000)

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
