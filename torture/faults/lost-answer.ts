/**
 * The answer to a refresh is lost after its commit: a proxy cuts the connection. The client repeats itself, in
 * time and too late (RFC 9700 §4.14.2; the grace is the contract's).
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Caller, orNothing } from '../caller.ts'
import { startCuttingProxy, type CuttingProxy } from '../cutting-proxy.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, control, exactly, type Finding } from '../finding.ts'
import { preparePlace } from '../place.ts'

const GRACE_MS = 4000
/** So many at once that their first repetition is well inside the grace. */
const AT_ONCE = 60

interface Lost {
  token: string
  /** What the swallowed answer held; unknown where the connection was cut before it. */
  successor: string | undefined
  accessToken: string | undefined
  lostAt: number
}

interface Tally {
  lost: number
  delivered: number
  repeated: number
  sameSuccessor: number
  revoked: number
  deadAfterwards: number
  usedThenRepeated: number
  usedThenRevoked: number
}

export const lostAnswer: Fault = {
  name: 'lost-answer',
  title: 'the answer is lost after the commit',
  async run(context) {
    const times = context.count(60, 1000)
    const place = preparePlace(context, {
      app: { refresh_grace: GRACE_MS / 1000 },
      clients: { strict: { refresh_grace: 0 } },
    })
    const server = await place.start()
    const proxy = await startCuttingProxy(context, server.url)
    const [app, strict] = [new Caller(server.url, place.app), new Caller(server.url, place.client('strict'))]
    const lossy = new Caller(proxy.url, place.app, { keepAlive: false })
    const tally: Tally = {
      lost: 0,
      delivered: 0,
      repeated: 0,
      sameSuccessor: 0,
      revoked: 0,
      deadAfterwards: 0,
      usedThenRepeated: 0,
      usedThenRevoked: 0,
    }
    while (tally.lost < times) {
      await round(context, { app, lossy, proxy }, Math.min(AT_ONCE, times - tally.lost), tally)
      context.progress(`${tally.lost} of ${times} answers lost`)
    }
    const without = new Caller(proxy.url, place.client('strict'), { keepAlive: false })
    return [...findingsOf(tally), await controlOf({ app: strict, lossy: without, proxy })]
  },
}

interface Callers {
  app: Caller
  /** The same client behind the proxy. */
  lossy: Caller
  proxy: CuttingProxy
}

/** Loses answers, repeats each in time, and again when the grace is over. */
async function round(context: Context, callers: Callers, count: number, tally: Tally): Promise<void> {
  const { app } = callers
  const lost = await Promise.all(Array.from({ length: count }, () => app.grant())).then((grants) =>
    loseAnswers(callers, grants, context),
  )
  tally.lost += lost.length
  tally.delivered += count - lost.length
  await Promise.all(lost.map((each) => repeatInTime(each, app, tally)))
  // Every fifth successor is used, after which the grace of its predecessor is over at once.
  const [used, waiting] = [lost.filter((_, index) => index % 5 === 0), lost.filter((_, index) => index % 5 !== 0)]
  await Promise.all(used.map((each) => repeatAfterUse(each, app, tally)))
  const over = Math.max(...lost.map(({ lostAt }) => lostAt)) + GRACE_MS + 100
  await pause(Math.max(0, over - performance.now()))
  await Promise.all(waiting.map((each) => repeatTooLate(each, app, tally)))
}

/** One after another, so that each swallowed answer is known to be of its request. */
async function loseAnswers(
  { lossy, proxy }: Callers,
  grants: { refreshToken: string; accessToken: string }[],
  context: Context,
): Promise<Lost[]> {
  const lost: Lost[] = []
  for (const { refreshToken: token } of grants) {
    proxy.cut = context.random.next() < 0.75 ? 'at the answer' : 'after the request'
    proxy.swallowed.length = 0
    const answer = await orNothing(lossy.refresh(token))
    if (answer) continue
    const text = proxy.swallowed[0] ?? ''
    const member = (name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(text)?.[1]
    const successor = member('refresh_token')
    lost.push({ token, successor, accessToken: member('access_token'), lostAt: performance.now() })
  }
  return lost
}

async function repeatInTime(lost: Lost, app: Caller, tally: Tally): Promise<void> {
  const answers = [await app.refresh(lost.token), await app.refresh(lost.token)]
  const [first, second] = answers.map(({ body }) => body.refresh_token)
  if (first !== undefined && answers.every(({ status }) => status === 200)) tally.repeated++
  lost.successor ??= first
  if (first === lost.successor && second === lost.successor && (await app.isActive(first))) tally.sameSuccessor++
}

async function repeatAfterUse(lost: Lost, app: Caller, tally: Tally): Promise<void> {
  const used = await app.refresh(lost.successor ?? '')
  if (used.status === 200) tally.usedThenRepeated++
  const again = await app.refresh(lost.token)
  const next = await app.refresh(used.body.refresh_token ?? '')
  if (again.body.error === 'invalid_grant' && next.body.error === 'invalid_grant') tally.usedThenRevoked++
}

async function repeatTooLate(lost: Lost, app: Caller, tally: Tally): Promise<void> {
  if ((await app.refresh(lost.token)).body.error === 'invalid_grant') tally.revoked++
  const active = [await app.isActive(lost.successor), await app.isActive(lost.accessToken)]
  const next = await app.refresh(lost.successor ?? '')
  if (!active.includes(true) && next.body.error === 'invalid_grant') tally.deadAfterwards++
}

function findingsOf(tally: Tally): Finding[] {
  const used = Math.max(tally.usedThenRepeated, 1)
  const late = tally.lost - tally.usedThenRepeated
  return [
    exactly('answers that got through the cut', tally.delivered, 0, `${tally.lost} lost`),
    allOf('repeated inside the grace: answered 200', tally.repeated, tally.lost),
    allOf('… with the same successor, which is active', tally.sameSuccessor, tally.lost),
    allOf('repeated after the grace: refused', tally.revoked, late),
    allOf('… and the family is over, access token included', tally.deadAfterwards, late),
    allOf('repeated after its successor was used: family over', tally.usedThenRevoked, used),
  ]
}

/** A client whose grace is nothing cannot repeat itself: the oracle sees it. */
async function controlOf(callers: Callers): Promise<Finding> {
  callers.proxy.cut = 'at the answer'
  let repeated = 0
  for (let time = 0; time < 10; time++) {
    const { refreshToken } = await callers.app.grant()
    await orNothing(callers.lossy.refresh(refreshToken))
    if ((await callers.app.refresh(refreshToken)).status === 200) repeated++
  }
  return control('a client with a grace of 0 repeats itself', `${repeated} of 10 answered 200`, 'all', repeated === 0)
}
