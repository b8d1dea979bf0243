/** The table of routes, as the service has it: tests that hold for every route take their list from here. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listRoutes } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { systemClock } from '../../src/ground/clock.ts'
import { openLog } from '../../src/ground/log.ts'
import type { Route } from '../../src/http/route.ts'
import { openDatabase } from '../../src/database.ts'
import { wireIssuer } from '../../src/issuer.ts'
import { environmentOf } from './issuer.ts'

/** Wires an issuer that serves nothing, and tells its routes. */
export async function readRoutes(): Promise<Route[]> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-routes-'))
  const config = readConfig(environmentOf(folder))
  const surroundings = { clock: systemClock, log: openLog({ level: 'silent', format: 'json' }) }
  const issuer = await wireIssuer(
    await openDatabase(config, surroundings),
    'http://localhost:3000',
    config,
    surroundings,
  )
  const routes = listRoutes(issuer)
  await issuer.store.close()
  rmSync(folder, { recursive: true })
  return routes
}
