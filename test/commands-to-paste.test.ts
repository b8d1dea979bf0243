/** A description names the command that helps. Pasted into a shell it runs no text that stands in an id, a name or a scope. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from './support/issuer.ts'
import type { Answer } from './support/client.ts'
import { ask, fresh, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()

/** Ends a quotation that was made badly, and runs a command behind it. */
const BREAK_OUT = "'$(touch${IFS}PWNED)'"
const hostile = (name: string): string => fresh(name) + BREAK_OUT

/** The commands that a description names, each up to the bracket, the semicolon or the end behind it. */
const commandsOf = (description: string): string[] =>
  [...description.matchAll(/signet (?:client|resource|group) (?:'[^']*'|[^)';]|'.*')+/g)].map(([command]) => command)

/** Pastes each command into a shell that knows no Signet. @returns the words that Signet would have read */
function paste({ body }: Answer): string[] {
  const description = String(body.error_description)
  const commands = commandsOf(description)
  expect(commands, description).not.toEqual([])
  const folder = temporaryFolder()
  const words = commands.flatMap((command) => {
    const script = `signet() { printf '%s\\n' "$@"; }\n${command}`
    const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' })
    expect({ command, stderr }).toEqual({ command, stderr: '' })
    return stdout.trimEnd().split('\n')
  })
  expect(readdirSync(folder), description).toEqual([])
  expect(description.slice(description.indexOf(commands[0] ?? ''))).not.toContain('?')
  return words
}

describe('a hostile text is in no command:', () => {
  test('the id of a client', async () => {
    const client = await registered(issuer(), { client_id: hostile('ops'), grant_types: ['client_credentials'] })
    for (const form of [
      { scope: 'a write' },
      { scope: 'offline_access' },
      { resource: 'other' },
      { grant_type: 'refresh_token', refresh_token: 'sgr_none' },
    ])
      expect(paste(await ask(issuer(), client, form))).toEqual(expect.arrayContaining(['client', 'update', 'ID']))
  })

  test('the id of a client that is made twice, or was deleted', async () => {
    const { operator } = issuer()
    const { clientId } = await registered(issuer(), { client_id: hostile('twice') })
    const make = () => operator.call('POST', '/admin/api/clients', { client_id: clientId })
    expect(paste(await make())).toEqual(['client', 'update', 'ID'])
    await operator.call('POST', `/admin/api/clients/${encodeURIComponent(clientId)}/disable`)
    const entries = (await operator.call('GET', '/blacklist')).body.entries as { id: string; value: string }[]
    const { id } = entries.find(({ value }) => value === clientId) ?? {}
    expect(paste(await operator.call('DELETE', `/blacklist/${id}`))).toEqual(['client', 'enable', 'ID'])
  })

  test('the scope of a client and of a resource', async () => {
    const { operator } = issuer()
    const scope = `a'$(touch\${IFS}PWNED)'`
    const client = await registered(issuer(), { scope })
    expect(paste(await ask(issuer(), client, { scope: 'b' }))).toEqual([
      'client',
      'update',
      client.clientId,
      '--scope',
      'SCOPE',
    ])
    const api = fresh('api')
    await operator.call('POST', '/admin/api/resources', { id: api, scope })
    const caller = await registered(issuer(), { resources: [api] })
    expect(paste(await ask(issuer(), caller, { scope: 'a' }))).toEqual(['resource', 'update', api, '--scope', 'SCOPE'])
  })

  test('the id of a resource', async () => {
    const { operator } = issuer()
    const api = `https://${fresh('api')}.example/${BREAK_OUT}`
    const client = await registered(issuer(), { resources: [api] })
    expect(paste(await ask(issuer(), client))).toEqual(['resource', 'create', 'ID'])
    expect(paste(await ask(issuer(), client, { resource: 'other' }))).toEqual([
      'client',
      'update',
      client.clientId,
      '--resource',
      'RESOURCE',
      '--resource',
      'NEW',
    ])
    const made = { id: api, scope: 'b' }
    expect((await operator.call('POST', '/admin/api/resources', made)).status).toBe(201)
    expect(paste(await ask(issuer(), client, { scope: 'a' }))).toEqual(['resource', 'update', 'ID', '--scope', 'b NEW'])
    expect(paste(await operator.call('POST', '/admin/api/resources', made))).toEqual(['resource', 'update', 'ID'])
  })

  test('a name of letters that a description cannot hold', async () => {
    const { operator } = issuer()
    const group = { name: fresh('Köche') }
    expect((await operator.call('POST', '/admin/api/groups', group)).status).toBe(201)
    expect(paste(await operator.call('POST', '/admin/api/groups', group))).toEqual(['group', 'update', 'NAME'])
    const user = { username: fresh('ada'), groups: [fresh('Gäste')] }
    expect(paste(await operator.call('POST', '/admin/api/users', user))).toEqual(['group', 'create', 'NAME'])
  })
})

test('a text that single quotes hold together is named as it is', async () => {
  const client = await registered(issuer(), { client_id: fresh('a$b'), scope: 'x:*' })
  expect(paste(await ask(issuer(), client, { scope: 'b' }))).toEqual([
    'client',
    'update',
    client.clientId,
    '--scope',
    'x:* NEW',
  ])
})
