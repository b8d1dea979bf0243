/** `signet audit list`: who did what. */
import { test } from 'vitest'
import { fewAtOnce } from '../support/few-at-once.ts'
import { Place } from './run-signet.ts'

interface Event {
  at: string
  actor: string
  action: string
  target: string
  request_id: string | null
}

test.concurrent('events are listed newest first, of one target, of one request, since a time', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  await place.json('client', 'create', '--id', 'first')
  await place.json('client', 'create', '--id', 'second')
  const token = await place.mint(`--sub me --resource ${server.url} --scope signet:admin`)
  const made = await fetch(`${server.url}/admin/api/resources`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'X-Request-Id': 'mine-1' },
    body: JSON.stringify({ id: 'api' }),
  })
  expect(made.status).toBe(201)

  const all = await place.json<Event[]>('audit', 'list')
  const actions = all.map(({ action, target }) => `${action} ${target}`)
  const order = ['resource.created api', 'client.created second', 'client.created first']
  expect(actions.filter((each) => order.includes(each))).toEqual(order)
  expect(await place.json('audit', 'list', '--target', 'first')).toMatchObject([
    { actor: 'cli', action: 'client.created', target: 'first', request_id: null },
  ])
  const requestId = made.headers.get('x-request-id') ?? ''
  expect(await place.json('audit', 'list', '--request', requestId)).toMatchObject([
    { action: 'resource.created', target: 'api', request_id: requestId },
  ])
  expect(await place.json('audit', 'list', '--since', '1h')).toEqual(all)
  const [newest] = all
  expect(await place.json('audit', 'list', '--since', newest?.at ?? '')).toEqual(
    all.filter(({ at }) => at === newest?.at),
  )
  expect(await place.json('audit', 'list', '--since', '2999-01-01T00:00:00Z')).toEqual([])
  const { stdout } = await place.run(['audit', 'list', '--target', 'second'])
  expect(stdout).toMatch(/^AT +ACTOR +ACTION +TARGET +DETAILS +REQUEST\n\S+Z +cli +client\.created +second/)
})

test.concurrent('a time that is none is refused by its flag, and a missing database is not made', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const refused = await place.run(['audit', 'list', '--since', 'yesterday'])
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--since: read "yesterday"; accepted: ') })
  expect((await place.run(['audit', 'list'])).code).toBe(1)
  expect(await place.hasDatabase()).toBe(false)
})

test.concurrent('all of a long trail is listed, page by page', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  const token = await place.mint(`--sub me --resource ${server.url} --scope signet:admin`)
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  // Entries, because a process reads all resources again after each that is made.
  const ids = await fewAtOnce(1003, async (index) => {
    const body = JSON.stringify({ jti: `r${index}` })
    const answer = await fetch(`${server.url}/blacklist`, { method: 'POST', headers, body })
    expect(answer.status).toBe(201)
    return ((await answer.json()) as { id: string }).id // the entry that was made
  })
  const events = await place.json<Event[]>('audit', 'list')
  const made = events.filter(({ action }) => action === 'blacklist.added').map(({ target }) => target)
  expect(made.toSorted()).toEqual(ids.toSorted())
})
