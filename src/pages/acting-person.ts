/** The person who acts by a page, and the browser: the person finds both among the events of the account. */
import { byUser, type Actor } from '../audit.ts'
import type { PageCall } from '../http/route.ts'

export const actingPerson = (
  userId: string,
  { facts, header, network }: Pick<PageCall, 'facts' | 'header' | 'network'>,
): Actor => byUser(userId, facts.request_id, { userAgent: header('user-agent') ?? '', network })
