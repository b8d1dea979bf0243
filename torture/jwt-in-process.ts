/** Places that take a JWT without HTTP: the inspection behind `signet token inspect`, and the verifier of an API. */
import { readConfig } from '../src/index.ts'
import { openDatabase, wireIssuer } from '../src/issuer.ts'
import { openLog } from '../src/ground/log.ts'
import { systemClock } from '../src/ground/clock.ts'
import { inspectToken } from '../src/doctor/inspection.ts'
import { createTokenVerifier, TokenError } from '../verifier/src/index.ts'
import type { Context } from './fault.ts'
import type { Place } from './place.ts'

export interface LocalPlace {
  name: string
  room: number
  /** Whether the token was refused as it should be. */
  refuse(token: string): Promise<boolean>
}

export async function localPlaces(context: Context, url: string, place: Place): Promise<LocalPlace[]> {
  return [await inspection(context, place), await verification(context, url)]
}

async function inspection(context: Context, place: Place): Promise<LocalPlace> {
  const config = readConfig(place.env)
  const surroundings = { clock: systemClock, log: openLog({ level: 'silent', format: 'json' }) }
  const opened = await openDatabase(config, surroundings)
  const issuer = await wireIssuer(opened, config.issuer ?? '', config, surroundings)
  context.onEnd(() => issuer.close())
  return {
    name: 'signet token inspect',
    room: 100_000,
    async refuse(token) {
      const { active, checks } = await inspectToken(token, issuer)
      return !active && checks.some(({ ok }) => !ok)
    },
  }
}

async function verification(context: Context, url: string): Promise<LocalPlace> {
  const jwksUri = `${url}/.well-known/jwks.json`
  const verifier = createTokenVerifier({ issuer: 'http://localhost', jwksUri, audience: 'api' })
  context.onEnd(() => verifier.close())
  return {
    name: 'verifyToken of signet-verify',
    room: 16_000,
    refuse: (token) =>
      verifier.verifyToken(token).then(
        () => false,
        (error: unknown) => error instanceof TokenError && error.status === 401,
      ),
  }
}
