/** GET /account/activity: the audit trail of the person and of the person's sessions. */
import type { ClientDirectory } from '../clients/directory.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { AuditEvent } from '../store/records/audit.ts'
import type { Store } from '../store/store.ts'
import { ownFrame, ownView, type OwnNeeds } from './account-page.ts'
import { requireSession } from './session.ts'
import { show } from './show.ts'
import { activityPage } from './templates/access.ts'
import type { ActivityView } from './account-views.ts'

export type ActivityNeeds = OwnNeeds & { store: Pick<Store, 'listActivity'>; clients: Pick<ClientDirectory, 'find'> }

const ON_A_PAGE = 50

export const showActivity =
  (needs: ActivityNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    const signedIn = await requireSession(call, needs, '/account/activity')
    const { id } = signedIn.person.user
    const before = call.sent.get('before')
    const after = before !== undefined && isEventId(before) ? before : undefined
    const events = await needs.store.listActivity(id, { after, limit: ON_A_PAGE })
    const frame = ownFrame(call, signedIn, needs)
    const last = events.length === ON_A_PAGE ? events.at(-1) : undefined
    const view: ActivityView = {
      ...ownView(signedIn, needs),
      events: events.map((event) => ({
        id: event.id,
        at: event.at,
        action: event.action,
        actorKind: actorOf(event, id),
        ...placeOf(event, needs),
      })),
      older: last && `${frame.at('/account/activity')}?before=${last.id}`,
    }
    return show(frame, activityPage(frame, view))
  }

const isEventId = (value: string): boolean => /^[0-9a-f-]{36}$/.test(value)

/** Another person who has changed the account is an operator. */
const actorOf = ({ actorKind, actor }: AuditEvent, userId: string): AuditEvent['actorKind'] =>
  actorKind === 'user' && actor !== userId ? 'cli' : actorKind

/** The browser of an event and, of a sign-in, the client. */
function placeOf({ action, details }: AuditEvent, { clients }: ActivityNeeds) {
  const { user_agent: userAgent, address, client } = details
  const isOfSession = action.startsWith('session.')
  return {
    userAgent: textOf(userAgent),
    address: textOf(address),
    app: isOfSession && typeof client === 'string' ? (clients.find(client)?.name ?? client) : undefined,
  }
}

const textOf = (value: AuditEvent['details'][string] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
