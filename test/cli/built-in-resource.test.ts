/** The issuer is a built-in resource: every message about it is true, and its advice leads out. */
import { test } from 'vitest'
import { SOON, Place, requestToken } from './run-signet.ts'

test.concurrent('a scope that the issuer does not have is advised with steps that work', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const { url } = await place.serve()
  const client = await place.createClient('--id app --scope a')
  const refused = () => requestToken(url, client, { scope: 'a' })
  await expect.poll(refused, SOON).toMatchObject({ error: 'invalid_scope' })
  const { error_description: advice = '' } = await refused()
  const commands = advice.match(/signet .*?(?=,|$)/g) ?? []
  expect(commands).toEqual(['signet resource create API --scope a', 'signet client update app --resource API'])
  for (const command of commands) await place.json(...command.split(' ').slice(1))
  await expect.poll(refused, SOON).toMatchObject({ token_type: 'Bearer', scope: 'a' })
})

test.concurrent('a client that has other resources beside the issuer is told to ask for one of them', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const { url } = await place.serve()
  const { issuer } = await place.json<{ issuer: string }>('status')
  await place.json('resource', 'create', 'orders')
  const client = await place.createClient(`--id app --scope a --resource ${issuer} --resource orders`)
  const refused = () => requestToken(url, client, { scope: 'a' })
  await expect.poll(refused, SOON).toMatchObject({ error: 'invalid_scope' })
  expect((await refused()).error_description).toBe(
    `a scope asked for is not one of the issuer ${issuer}: ask for another resource, with resource= orders`,
  )
  expect(await requestToken(url, client, { scope: 'a', resource: 'orders' })).toMatchObject({ scope: 'a' })
})

test.concurrent('a command about the issuer says that it is built in, and one about a slip of it how it is written', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  const { issuer } = await place.json<{ issuer: string }>('status')
  for (const line of ['show', 'update --ttl 5m', 'delete', 'create']) {
    const [verb = '', ...more] = line.split(' ')
    const { code, stdout, stderr } = await place.run(['resource', verb, issuer, ...more])
    expect({ line, code, stdout }).toEqual({ line, code: 1, stdout: '' })
    expect(stderr).toContain(
      `resource "${issuer}" is the issuer itself: built in, with the scopes signet:admin, signet:read, signet:blacklist, and it cannot be changed`,
    )
    expect(stderr).not.toContain('does not exist')
  }
  const slip = await place.run(['resource', 'show', `${issuer}/`])
  expect(slip.stderr).toContain(`the resource of the issuer is exactly ${issuer}`)
  const minted = await place.run(['token', 'mint', '--sub', 'me', '--resource', issuer, '--scope', 'a'])
  expect(minted).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('name the API that has the scope') as string,
  })
})

test.concurrent('the admin API does not call it missing either', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const { url } = await place.serve()
  const { issuer } = await place.json<{ issuer: string }>('status')
  const token = await place.mint(`--sub me --resource ${issuer} --scope signet:admin`)
  const send = async (method: string, body?: object) => {
    const answer = await fetch(`${url}/admin/api/resources/${encodeURIComponent(issuer)}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const { error_description: says } = (await answer.json()) as { error_description: string }
    return [answer.status, says.includes('is the issuer itself: built in')]
  }
  expect(await send('GET')).toEqual([404, true])
  expect(await send('PATCH', { ttl: 60 })).toEqual([409, true])
  expect(await send('DELETE')).toEqual([409, true])
})
