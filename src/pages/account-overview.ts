/** GET /account: how the person signs in, and where. */
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { Store } from '../store/store.ts'
import { groupNames } from '../users/person.ts'
import { ownFrame, ownView, type OwnNeeds } from './account-page.ts'
import { requireSession } from './session.ts'
import { show } from './show.ts'
import { overviewPage } from './templates/overview.ts'

export type OverviewNeeds = OwnNeeds & { store: Pick<Store, 'listSessions' | 'listConsents'> }

/** Sessions beyond these are not counted. */
const MOST_COUNTED = 200

export const showOverview =
  (needs: OverviewNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    const signedIn = await requireSession(call, needs, '/account')
    const { user, factors } = signedIn.person
    const sessions = await needs.store.listSessions({ userId: user.id }, { after: '', limit: MOST_COUNTED })
    const apps = new Set((await needs.store.listConsents(user.id)).map(({ clientId }) => clientId))
    for (const id of sessions.flatMap(({ clients }) => clients)) apps.add(id)
    const frame = ownFrame(call, signedIn, needs)
    const view = {
      ...ownView(signedIn, needs),
      hasPassword: user.passwordHash !== null,
      passwordChangedAt: user.passwordChangedAt,
      passkeys: factors.passkeys,
      hasTotp: user.totpSecret !== null,
      isTwoFactorOffHere: needs.config.mfa === 'off',
      recoveryCodes: factors.recoveryCodes,
      sessions: sessions.length,
      apps: apps.size,
      lastLoginAt: user.lastLoginAt,
      groups: groupNames(signedIn.person),
    }
    return show(frame, overviewPage(frame, view))
  }
