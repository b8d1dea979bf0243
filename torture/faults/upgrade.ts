/** This version works on the database of an earlier version, and the earlier one again after it: tokens and keys of each work with the other. */
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, control, exactly, skipped, type Finding } from '../finding.ts'
import { integrityOf } from '../integrity.ts'
import { previousVersions, type OtherVersion } from '../other-version.ts'
import { preparePlace, type Place } from '../place.ts'

const GRANTS = 10

/** The tokens of one version, which the next version must know. */
interface Held {
  grants: { accessToken: string; refreshToken: string }[]
  single: string
  /** Tokens that were revoked or used, and must stay dead. */
  dead: string[]
  jwks: string
}

export const upgrade: Fault = {
  name: 'upgrade',
  title: "upgrade from a previous version's database, and back",
  async run(context) {
    const versions = previousVersions(context)
    if (versions.length === 0) return [skipped('upgrade and back', 'there is no history here to take a version from')]
    const findings: Finding[] = []
    for (const version of versions) findings.push(...(await thereAndBack(context, version)))
    return [...findings, await controlOf(context)]
  },
}

async function thereAndBack(context: Context, { checkout, name }: OtherVersion): Promise<Finding[]> {
  if (checkout === undefined) return [skipped(name, 'it had no `signet serve` yet')]
  const place = preparePlace(context, { env: { SIGNET_REFRESH_GRACE: '0s' } })
  const old = await live(place, checkout, undefined)
  const now = await live(place, undefined, old.held)
  const back = await live(place, checkout, now.held)
  context.progress(`${name}: there and back`)
  return [
    allOf(`${name}: its tokens work after the upgrade`, now.works, now.of),
    allOf('… and tokens of this version work after going back', back.works, back.of),
    exactly('… revoked or used tokens that work again', now.revived + back.revived, 0),
    exactly('… keys that differ', now.keysDiffer + back.keysDiffer, 0),
    exactly('… `integrity_check` not clean', integrityOf(place.database) === 'ok' ? 0 : 1, 0),
  ]
}

interface Life {
  held: Held
  works: number
  of: number
  revived: number
  keysDiffer: number
}

/** Runs one version for a while: it gets the tokens of the version before, and issues some itself. */
async function live(place: Place, checkout: string | undefined, found: Held | undefined): Promise<Life> {
  const server = await place.start(checkout === undefined ? {} : { checkout })
  const app = new Caller(server.url, place.app)
  const jwks = (await app.send('/.well-known/jwks.json')).text
  const tried = found ? await tryOut(app, found) : { works: 0, of: 0, revived: 0 }
  const grants = await Promise.all(Array.from({ length: GRANTS }, () => app.grant()))
  const [single, revoked] = [await app.accessToken(), await app.accessToken()]
  await app.revoke(revoked)
  const ended = await app.grant()
  await app.revoke(ended.refreshToken)
  await server.stop()
  return {
    held: { grants, single, dead: [revoked, ended.refreshToken, ended.accessToken], jwks },
    ...tried,
    keysDiffer: found && found.jwks !== jwks ? 1 : 0,
  }
}

async function tryOut(
  app: Caller,
  { grants, single, dead }: Held,
): Promise<{ works: number; of: number; revived: number }> {
  const verdicts = [await app.isActive(single)]
  let revived = 0
  for (const token of dead) if (await app.isActive(token)) revived++
  for (const { accessToken, refreshToken } of grants) {
    verdicts.push(await app.isActive(accessToken))
    verdicts.push((await app.refresh(refreshToken)).status === 200)
    if (await app.isActive(refreshToken)) revived++
  }
  return { works: verdicts.filter(Boolean).length, of: verdicts.length, revived }
}

/** A second database with the same client must know no token of the first. */
async function controlOf(context: Context): Promise<Finding> {
  const [one, other] = [preparePlace(context), preparePlace(context)]
  const { held } = await live(one, undefined, undefined)
  const { works, of } = await live(other, undefined, held)
  return control('tokens of another database', `${works} of ${of} work`, 'all', works < of)
}
