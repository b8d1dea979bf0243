/** /admin/api/users: the persons for whom trusted backends have asked grants. Disabling one is a blacklist entry. */
import { notFound } from '../errors.ts'
import { subjectView } from '../grants/grant-view.ts'
import { actorOf } from '../http/actor.ts'
import { answerPage, readPage } from '../http/page.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import type { SubjectSummary } from '../store/store.ts'
import { idOf } from './id.ts'

export function usersApi({ store, blacklist, revocation }: Rooms) {
  const refusing = (sub: string) => blacklist.findRefusing('sub', sub)?.id
  const view = (summary: SubjectSummary) => subjectView(summary, refusing(summary.sub))

  const list: Handler = async (c) => {
    const page = readPage(c)
    return answerPage(c, page, await store.listSubjects(page), ({ sub }) => sub, view)
  }

  const describe = async (sub: string): Promise<object> => {
    const summary = await store.findSubject(sub)
    if (!summary) throw notFound('this user')
    return view(summary)
  }

  const read: Handler = async (c) => c.json(await describe(idOf(c)))

  const disable: Handler = async (c) => {
    const sub = idOf(c)
    await describe(sub)
    if (refusing(sub) === undefined)
      await revocation.deny({ kind: 'sub', value: sub, reason: 'user disabled' }, actorOf(c))
    return c.json(await describe(sub))
  }

  const enable: Handler = async (c) => {
    const sub = idOf(c)
    for (let entry = refusing(sub); entry !== undefined; entry = refusing(sub)) await revocation.lift(entry, actorOf(c))
    return c.json(await describe(sub))
  }

  return { list, read, disable, enable }
}
