/**
 * After a restore, no sign-in of the copy works: sessions, codes, links, invitations and consents that were ended or used
 * since the copy was made stay ended.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { databaseIn } from '../harness/folder.ts'
import { startAdministered, type AdministeredIssuer } from './support/admin.ts'
import type { BrowserLike } from './support/browser-like.ts'
import { addClient, nextCode, redeem, signIn } from './support/codes.ts'
import { runAsPrinted } from './support/dump.ts'
import { addPerson, authorizePath, browserAt, signInAt, storeOf } from './support/people.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { signet } from './support/process.ts'

type Counts = Record<string, number | string | boolean>

/** A copy of a database by the means of its kind. */
interface Copying {
  env(): Promise<Record<string, string>>
  copy(issuer: AdministeredIssuer): Promise<void>
  /** Brings the copy back while no server runs. @returns the counts that the command prints */
  restore(issuer: AdministeredIssuer): Promise<Counts>
}

const backupOf = ({ folder }: AdministeredIssuer): string => join(folder, 'copy')

const SQLITE: Copying = {
  env: () => Promise.resolve({}),
  copy: async (issuer) => void (await run(issuer, 'backup', backupOf(issuer))),
  restore: (issuer) => {
    rmSync(dirname(databaseIn(issuer.folder)), { recursive: true })
    return run(issuer, 'restore', backupOf(issuer))
  },
}

const POSTGRES: Copying = {
  env: async () => ({ SIGNET_DATABASE_URL: await newDatabase() }),
  copy: (issuer) => Promise.resolve(runAsPrinted('pg_dump', urlOf(issuer), backupOf(issuer))),
  restore: (issuer) => {
    runAsPrinted('pg_restore', urlOf(issuer), backupOf(issuer))
    return run(issuer, 'grant', 'revoke', '--all', '--reason', 'restored')
  },
}

const urlOf = ({ env }: AdministeredIssuer): string => env.SIGNET_DATABASE_URL ?? ''

async function run({ env }: AdministeredIssuer, ...args: string[]): Promise<Counts> {
  const ended = await signet([...args, '--json'], env)
  expect(ended.code, ended.stderr).toBe(0)
  return ended.json<Counts>()
}

/** Opens a link and uses it; the error of the page, if there is one. */
async function follow(browser: BrowserLike, url: string, action: string, values = {}): Promise<string | undefined> {
  const page = await browser.get(url)
  return page.error ?? (await browser.submit(page, values, action)).error
}

const isSignedIn = async (browser: BrowserLike): Promise<boolean> =>
  (await browser.get('/account')).url.pathname === '/account'

const linkOf = async (issuer: AdministeredIssuer, path: string): Promise<string> =>
  String((await issuer.operator.call('POST', path, {})).body.url)

const POSTGRES_TOO: [string, Copying][] = hasPostgres ? [['PostgreSQL', POSTGRES]] : []
const databases: [string, Copying][] = [['SQLite', SQLITE], ...POSTGRES_TOO]

test.each(databases)('%s: what was signed in before the copy is over', async (_, { env, copy, restore }) => {
  const issuer = await startAdministered(await env())
  const store = await storeOf(issuer, onTestFinished)
  const app = await addClient(issuer)
  const asking = await addClient(issuer, { consent: 'once' })
  const bob = await addPerson(store, { username: 'bob' })
  await addPerson(store, { username: 'ada' })
  const { browser, code } = await signIn(issuer, app, bob)
  const unused = await nextCode(browser, app)
  const other = browserAt(issuer)
  const question = await signInAt(other, authorizePath(asking.clientId), { username: 'bob' })
  expect([question.page, (await other.submit(question, {}, 'allow')).isAway]).toEqual(['consent', true])
  const link = await linkOf(issuer, '/admin/api/users/ada/link')
  const invitation = await linkOf(issuer, '/admin/api/invitations')
  await browserAt(issuer).get(authorizePath(app.clientId))
  await copy(issuer)

  expect((await redeem(issuer, app, code)).status).toBe(200)
  expect(await follow(browserAt(issuer), link, 'sign-in')).toBeUndefined()
  const words = { username: 'eve', password: 'four words of no meaning' }
  expect(await follow(browserAt(issuer), invitation, 'create', words)).toBeUndefined()
  await run(issuer, 'session', 'end', '--user', 'bob')
  await store.close()
  await issuer.stop()
  const counts = await restore(issuer)
  expect(counts).toMatchObject({
    sessions_ended: 2,
    sign_ins_ended: 1,
    one_time_values_ended: 4,
    invitations_ended: 1,
    consents_ended: 1,
  })

  const again = await issuer.restart()
  expect(await isSignedIn(browser)).toBe(false)
  for (const given of [code, unused]) expect((await redeem(again, app, given)).body.error).toBe('invalid_grant')
  expect((await browserAt(again).get(link)).error).toBe('link_used')
  expect((await browserAt(again).get(invitation)).error).toBe('link_used')
  const asked = await signInAt(browserAt(again), authorizePath(asking.clientId), { username: 'bob' })
  expect(asked.page).toBe('consent')
})
