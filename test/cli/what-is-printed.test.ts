/** Commands print for people the next step, and one line of result. Programs get the whole record by `--json`. */
import { execFileSync } from 'node:child_process'
import { test, type TestContext } from 'vitest'
import { CHECKOUT } from '../../harness/version.ts'
import { Place } from './run-signet.ts'

const placeOf = ({ onTestFinished }: TestContext) => new Place((work) => onTestFinished(work))

test.concurrent('client create prints the secret, a request that works and the next command', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  const { url } = await place.serve()
  const variables = { SIGNET_ISSUER: url }
  await place.run(['resource', 'create', 'orders-api', '--scope', 'read write'], variables)
  for (const method of ['client_secret_basic', 'client_secret_post']) {
    const flags = ['--resource', 'orders-api', '--scope', 'read', '--auth-method', method]
    const made = await place.run(['client', 'create', '--id', `it's:${method}`, ...flags], variables)
    expect(made).toMatchObject({ code: 0, stderr: 'note: client_secret is shown this once and is not kept\n' })
    expect(made.stdout.trimEnd().split('\n')).toHaveLength(8)
    expect(made.stdout).toMatch(/^client_id +it's:.*\nclient_secret +sgs_[\w-]{43}\n\n# A token:\ncurl -sS /)
    // Pasted in any folder: in a checkout no `signet` is on the PATH.
    expect(made.stdout).toContain(
      `# Code to paste: ${CHECKOUT}/signet client snippet 'it'\\''s:${method}' --for curl\n`,
    )
    expect(made.stdout).toContain(`# All of it: ${CHECKOUT}/signet client show 'it'\\''s:${method}'\n`)
    expect(made.stdout).toContain('# It authenticates by its secret, in HTTP Basic or in the form\n')
    // The printed lines as they are, in a shell.
    const answer = JSON.parse(
      execFileSync('sh', ['-c', made.stdout.split('\n').slice(3).join('\n')], { encoding: 'utf8' }),
    ) as object
    expect(answer).toMatchObject({ token_type: 'Bearer', scope: 'read' })
  }
})

test.concurrent('a client with a redirect URI alone signs people in, and is told so in place of a request for a token', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  const redirect = ['--redirect-uri', 'http://localhost:3000/cb']
  const made = await place.run(['client', 'create', '--id', 'passport', ...redirect])
  expect(made.stdout).not.toMatch(/client_credentials|curl/)
  expect(made.stdout).toMatch(/# People sign in .* the issuer http:\/\/localhost:\d+,/)
  expect(made.stdout).toContain('signet client update passport --require-pkce false')
  expect(await place.json('client', 'show', 'passport')).toMatchObject({
    grant_types: ['authorization_code'],
    scope: expect.stringMatching(/^openid profile email/) as string,
    require_pkce: true,
  })
  // A public client always has PKCE.
  const page = await place.run(['client', 'create', '--id', 'page', '--auth-method', 'none', ...redirect])
  expect([page.code, page.stdout]).toEqual([0, expect.not.stringContaining('require-pkce')])
  const service = ['client', 'create', '--id', 'service', '--grant', 'client_credentials', ...redirect]
  expect(await place.json(...service)).toMatchObject({ grant_types: ['client_credentials'], scope: '' })
})

test.concurrent('a command that changes a client or resource prints one line', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  const printed = async (...args: string[]) => (await place.run(args)).stdout
  expect(await printed('resource', 'create', 'api')).toBe(
    'resource api was made; a client for it: signet client create --resource api\n',
  )
  await place.createClient('--id app --resource api')
  expect(await printed('client', 'update', 'app', '--name', 'App')).toBe('client app was changed\n')
  expect(await printed('client', 'disable', 'app')).toBe(
    'client app is disabled: everything is refused to it, and its live tokens are denied\n',
  )
  expect(await printed('client', 'enable', 'app')).toBe('client app is enabled\n')
  expect(await printed('client', 'rotate-secret', 'app')).toMatch(
    /^client app has a new secret; the one before is taken until \S+Z\nclient_secret {2}sgs_\S+\n$/,
  )
  expect(await printed('client', 'delete', 'app')).toBe('client app was deleted; its live tokens are denied\n')
  expect(await printed('resource', 'update', 'api', '--ttl', '5m')).toBe('resource api was changed\n')
  expect(await place.json('client', 'create', '--id', 'app')).toMatchObject({ grant_types: ['client_credentials'] })
})

test.concurrent('a command that changes a user or group prints one line', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  const printed = async (...args: string[]) => (await place.run(args)).stdout
  expect(await printed('user', 'create', 'ada', '--invite')).toMatch(
    /^user ada was made; the id, which is the sub: [\w-]+\nhttp\S+\n$/,
  )
  expect(await printed('user', 'show', 'ada')).toMatch(/\nfactors +nothing\n/)
  expect(await printed('user', 'disable', 'ada')).toBe(
    'user ada is disabled: sessions have ended, and live tokens are denied\n',
  )
  expect(await printed('group', 'create', 'editors')).toBe(
    'group editors was made; add people: signet group add editors USER\n',
  )
  expect(await printed('group', 'add', 'editors', 'ada')).toBe('group editors has 1 member now\n')
  expect(await printed('grant', 'revoke', '--all')).toMatch(/^0 grants were ended; 0 of them/)
})

test.concurrent('the block for an app can be printed again, without the secret', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  const url = 'https://files.example.com/cloud'
  const words = ['client', 'create', '--id', 'files', '--for', 'nextcloud', '--url', url]
  const made = await place.json<{ client_secret: string; paste: string }>(...words)
  expect(await place.json('client', 'paste', 'files')).toMatchObject({
    for: 'nextcloud',
    paste: made.paste.replace(made.client_secret, 'THE_SECRET_SHOWN_ONCE'),
  })
  await place.createClient('--id plain')
  expect(await place.run(['client', 'paste', 'plain'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('signet: client "plain" was not made by --for') as string,
  })
})
