/**
 * People: a sign-in with a session cookie to a code and its redemption beside /refresh, the sign-in page, and a flood of
 * password guesses beside /token of services.
 */
import type { Bench } from '../bench.ts'
import { goalOf, type Finding } from '../finding.ts'
import { Load } from '../load/load.ts'
import type { Work } from '../load/work.ts'
import { describe, rateRatio, ratioGoal } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import { startBare } from '../sides/bare.ts'
import type { Side } from '../sides/side.ts'
import { copyOf, startSignet } from '../sides/signet.ts'
import { ISSUER } from '../sides/terms.ts'
import { median } from '../statistics.ts'
import { clientCredentials, refreshing } from './endpoints.ts'
import { APPS, ENVIRONMENT, openPage, preparePeople, redeeming, renewing, signIn } from './signing-in.ts'

const LEAST_OF_REFRESH = 0.6
const LEAST_PAGES = 5000
const MOST_P99_MS = 200

/** Guesses come from many networks, so that the throttle of one network does not stop the flood. */
const GUESSERS = 16

/** The path of the bare side below which it serves people. */
const BELOW = '/people'

export async function people(bench: Bench): Promise<Finding> {
  const place = copyOf(bench.model, 'people')
  await preparePeople(place)
  const side = await startSignet('Signet, people', place, { env: ENVIRONMENT })
  const bare = await startBare('bare handlers', bench.model.credentials, {})
  try {
    const cookie = await signIn(side)
    const rows = await compare(bench, {
      work: 'cookie to code to tokens',
      contenders: [
        { side: { ...side, name: 'Signet, ID token ES256' }, work: redeeming(side, cookie, APPS.ES256) },
        { side: { ...side, name: 'Signet, ID token RS256' }, work: redeeming(side, cookie, APPS.RS256) },
        {
          side: { ...side, name: '/refresh of the same app, ID token ES256' },
          work: await renewing(bench, side, cookie),
        },
        { side: { ...side, name: '/refresh of a service' }, work: await refreshing(bench, side) },
        { side: { ...bare, name: 'bare handlers, ID token ES256' }, work: await redeemingBare(bare) },
        { side: { ...bare, name: 'bare /refresh, ID token ES256' }, work: await renewingBare(bench, bare) },
      ],
      base: 2,
    })
    const page = await pageOf(side)
    rows.push(...(await compare(bench, { work: 'sign-in page', contenders: [{ side, work: page }] })))
    const [codes, , renewals, refreshes, bareCodes, bareRenewals, pages] = rows
    if (!codes || !renewals || !refreshes || !bareCodes || !bareRenewals || !pages) throw new Error('a row is missing')
    const perSecond = median(pages.rounds.map(({ requestsPerSecond }) => requestsPerSecond))
    const flood = await guessing(bench, side)
    return {
      rows,
      goals: [
        ratioGoal(8, 'cookie to code to tokens, to /refresh of the same app', codes, renewals, LEAST_OF_REFRESH),
        ratioGoal(8, 'cookie to code to tokens, to /refresh of a service', codes, refreshes, LEAST_OF_REFRESH),
        goalOf(8, `sign-in pages a second ≥ ${LEAST_PAGES}`, perSecond.toFixed(0), perSecond >= LEAST_PAGES),
        goalOf(
          8,
          `/token: p99 beside a flood of password guesses < ${MOST_P99_MS} ms`,
          `${flood.p99.toFixed(1)} ms`,
          flood.p99 < MOST_P99_MS,
        ),
      ],
      facts: [
        {
          what: 'cookie to code to tokens, to /refresh of the same app: bare handlers',
          found: describe(rateRatio(bareCodes, bareRenewals)),
        },
        { what: 'cookie to code to tokens: Signet to bare handlers', found: describe(rateRatio(codes, bareCodes)) },
        {
          what: '/refresh of the same app: Signet to bare handlers',
          found: describe(rateRatio(renewals, bareRenewals)),
        },
        { what: 'guesses at passwords meanwhile', found: `${flood.guesses.toFixed(0)} a second` },
      ],
    }
  } finally {
    await Promise.all([side.stop(), bare.stop()])
  }
}

/** The same of the bare side, below a path of its own. */
async function redeemingBare(side: Side): Promise<Work> {
  const session = await fetch(`http://localhost:${side.port}${BELOW}/session`, { method: 'POST' })
  return redeeming(side, `session=${await session.text()}`, APPS.ES256, { below: BELOW })
}

async function renewingBare(bench: Bench, side: Side): Promise<Work> {
  const work = await refreshing(bench, side)
  return { ...work, path: `${BELOW}/refresh` }
}

async function pageOf(side: Side): Promise<Work> {
  const { path, cookie } = await openPage(side)
  return { port: side.port, method: 'GET', path, headers: { cookie } }
}

/** Services ask for tokens, a few at a time, while strangers guess. */
async function guessing(bench: Bench, side: Side): Promise<{ p99: number; guesses: number }> {
  const seconds = Math.max(1.5, bench.options.seconds * 4)
  const flood = new Load()
  bench.say('a flood of guesses')
  const pages = await Promise.all(Array.from({ length: GUESSERS }, () => openPage(side)))
  const guess = ({ path, cookie, form }: (typeof pages)[number], at: number): Promise<{ requests: number }> =>
    flood.run(
      {
        port: side.port,
        method: 'POST',
        path,
        headers: { cookie, origin: new URL(ISSUER).origin, 'x-forwarded-for': `198.51.100.${at}` },
        form: { ...form, username: `nobody-${at}`, password: 'a wrong password', action: 'sign-in' },
        connections: 4,
      },
      seconds,
    )
  const [probe, ...guessed] = await Promise.all([
    bench.run(
      '/token beside guesses',
      { ...bench.post(side, '/token', clientCredentials), connections: 4, pauseMs: 5 },
      seconds,
    ),
    ...pages.map(guess),
  ])
  flood.stop()
  return { p99: probe.p99, guesses: guessed.reduce((all, { requests }) => all + requests, 0) / seconds }
}
