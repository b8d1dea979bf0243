/** /admin/api/users: the persons for whom trusted backends have asked grants. Disabling one is a blacklist entry. */
import { notFound } from '../ground/errors.ts'
import { subjectView } from '../grants/wire.ts'
import { actorOf } from '../http/actor.ts'
import { answerPage, readPage } from '../http/page.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { looksSecret } from '../ground/looks-secret.ts'
import { subOf } from './id.ts'

/** What the blacklist takes for a name. */
const MOST_SUB_CHARACTERS = 512

export function usersApi({ store, clients, blacklist, revocation }: Rooms) {
  const refusing = (sub: string) => blacklist.findRefusing('sub', sub)?.id
  const view = (summary: Parameters<typeof subjectView>[0]) => subjectView(summary, refusing(summary.sub))

  const list: Handler = async (c) => {
    const page = readPage(c)
    return answerPage(c, page, await store.listSubjects(page), ({ sub }) => sub, view)
  }

  const describe = async (sub: string): Promise<object> => {
    const summary = await store.findSubject(sub)
    return view(summary ?? { sub, grants: 0, liveGrants: 0, lastGrantAt: null })
  }

  const requireKnown = async (sub: string): Promise<void> => {
    if (refusing(sub) === undefined && !(await store.findSubject(sub))) throw notFound('this user')
  }

  /** A denial needs no record of a person: who only ever got access tokens has none. A client's id is nobody's `sub`. */
  const requireDeniable = async (sub: string): Promise<void> => {
    const isNoName = sub.length > MOST_SUB_CHARACTERS || looksSecret(sub) || clients.find(sub) !== undefined
    if (isNoName) await requireKnown(sub)
  }

  const read: Handler = async (c) => {
    const sub = subOf(c)
    await requireKnown(sub)
    return c.json(await describe(sub))
  }

  const disable: Handler = async (c) => {
    const sub = subOf(c)
    await requireDeniable(sub)
    await revocation.disableUser(sub, actorOf(c))
    return c.json(await describe(sub))
  }

  const enable: Handler = async (c) => {
    const sub = subOf(c)
    await requireKnown(sub)
    await revocation.enableUser(sub, actorOf(c))
    return c.json(await describe(sub))
  }

  return { list, read, disable, enable }
}
