/** A declarative file from the command line. */
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { Place } from './run-signet.ts'

const FILE = `
resources:
  - id: orders-api
    scope: orders:read
clients:
  - client_id: orders
    client_secret: { env: ORDERS_SECRET }
    scope: orders:read
    resources: [orders-api]
`

test.concurrent('a dry run tells the plan and leaves no trace; applying does it; a second time changes nothing', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { ORDERS_SECRET: 'a-secret-of-thirty-two-characters-or-more' })
  const file = place.file('signet.yaml')
  writeFileSync(file, FILE)

  const plan = await place.run(['apply', file, '--dry-run'])
  expect(plan.stdout).toContain('+ resource orders-api\n+ client orders\n')
  expect(existsSync(place.database)).toBe(false)
  expect(existsSync(place.keysDir)).toBe(false)

  const created = [
    { kind: 'resource', id: 'orders-api', fields: [] },
    { kind: 'client', id: 'orders', fields: [] },
  ]
  expect(await place.json('apply', file)).toEqual({ created, changed: [], left: [], dry_run: false })
  expect(await place.json('apply', file)).toEqual({ created: [], changed: [], left: created, dry_run: false })

  writeFileSync(file, FILE.replace('scope: orders:read\nclients', 'scope: orders:read orders:write\nclients'))
  const changed = [{ kind: 'resource', id: 'orders-api', fields: ['scope'] }]
  expect(await place.json('apply', file, '--dry-run')).toMatchObject({ changed, dry_run: true })
  expect(await place.json('resource', 'show', 'orders-api')).toMatchObject({ scope: 'orders:read' })
  expect((await place.run(['apply', file])).stdout).toContain('~ resource orders-api (scope)\n= client orders\n')
})

test.concurrent('a mistake is told with its line, exit 1, and nothing is applied', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  writeFileSync(file, FILE.replace('scope: orders:read\nclients', 'scopes: orders:read\nclients'))
  const mistake = await place.run(['apply', file, '--json'])
  expect(mistake).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(`${file}:4: resources.0.scopes`) as string,
  })
  const noSecret = await place.run(['apply', place.file('none.yaml')])
  expect(noSecret.code).toBe(1)
  expect(existsSync(place.keysDir)).toBe(false)
})
