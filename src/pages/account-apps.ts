/** /account/apps: the clients that the person has signed in to or has allowed something, and the way to take it back. */
import type { ClientDirectory } from '../clients/directory.ts'
import { OAuthError } from '../ground/errors.ts'
import { basePath } from '../http/endpoint-url.ts'
import type { SessionEnds } from '../sessions/ending.ts'
import { statusOf } from '../grants/grant.ts'
import type { Store } from '../store/store.ts'
import type { PageHandler } from './handler.ts'
import { seeOther } from './html.ts'
import { actorOf, ownFrame, ownView, type OwnNeeds } from './account-page.ts'
import { requireSession } from './session.ts'
import { show } from './show.ts'
import { appsPage } from './templates/access.ts'
import type { AppsView } from './account-views.ts'

const PATH = '/account/apps'

export type AppsNeeds = OwnNeeds & {
  store: Pick<Store, 'listConsents' | 'listGrants' | 'now'>
  clients: ClientDirectory
  sessionEnds: SessionEnds
}

const MOST_GRANTS = 1000

export const showApps =
  (needs: AppsNeeds): PageHandler<string> =>
  async (call) => {
    const signedIn = await requireSession(call, needs, PATH)
    const frame = ownFrame(call, signedIn, needs)
    const view: AppsView = {
      ...ownView(signedIn, needs),
      notice: call.sent.get('done') === 'withdrawn' ? 'app_withdrawn' : undefined,
      apps: await listApps(signedIn.person.user.id, needs),
    }
    return show(frame, appsPage(frame, view))
  }

/** Consents, and live grants without one: a client of the operator's own needs no consent. The newest comes first. */
async function listApps(userId: string, { store, clients }: AppsNeeds): Promise<AppsView['apps']> {
  const apps = new Map<string, { scope: Set<string>; since: number }>()
  const note = (clientId: string, scope: string[], since: number) => {
    const known = apps.get(clientId)
    for (const value of scope) known?.scope.add(value)
    if (known) known.since = Math.min(known.since, since)
    else apps.set(clientId, { scope: new Set(scope), since })
  }
  const now = store.now()
  for (const { clientId, scope, createdAt } of await store.listConsents(userId)) note(clientId, scope, createdAt)
  for (const grant of await store.listGrants({ sub: userId }, { after: '', limit: MOST_GRANTS }))
    if (statusOf(grant, now) === 'active') note(grant.clientId, grant.scope, grant.createdAt)
  return [...apps]
    .filter(([clientId]) => clients.find(clientId) !== undefined)
    .toSorted(([, a], [, b]) => b.since - a.since)
    .map(([clientId, { scope, since }]) => ({
      clientId,
      name: clients.find(clientId)?.name ?? clientId,
      scopes: [...scope].map((value) => ({ scope: value })),
      since,
    }))
}

export const withdrawApp =
  (needs: AppsNeeds): PageHandler<string> =>
  async (call) => {
    const signedIn = await requireSession(call, needs, PATH)
    const base = basePath(needs.issuer)
    const clientId = call.sent.get('client_id')
    if (call.sent.get('action') !== 'withdraw' || clientId === undefined) return seeOther(`${base}${PATH}`)
    await withdraw(needs.sessionEnds.withdraw(signedIn.person.user.id, clientId, actorOf(signedIn, call)))
    return seeOther(`${base}${PATH}?done=withdrawn`)
  }

/** An app that has no access any more, e.g. since it was taken back in another tab, needs no further act. */
async function withdraw(act: Promise<void>): Promise<void> {
  try {
    await act
  } catch (error) {
    if (!(error instanceof OAuthError) || error.status !== 404) throw error
  }
}
