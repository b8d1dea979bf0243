/** The persons that grants were made for, on SQLite. */
import type { Engine } from '../engine.ts'
import { subjectTexts, toSummary } from '../subjects.ts'
import type { OpenDatabase } from './database.ts'

export function subjectVerbs({ connection, read }: OpenDatabase): Pick<Engine, 'listSubjects' | 'findSubject'> {
  // The plus keeps values from the planner: see statements.ts.
  const texts = subjectTexts(({ name }) => name, { now: ':now', sub: '+:sub', limit: '+:limit' })
  const prepare = (text: string) => connection.raw.prepare<[Record<string, unknown>], unknown[]>(text).raw()
  const [list, find] = [prepare(texts.list), prepare(texts.find)]
  return {
    listSubjects: ({ after = '', limit }, now) => read(() => list.all({ now, sub: after, limit }).map(toSummary)),
    findSubject: (sub, now) => read(() => find.all({ now, sub }).map(toSummary)[0]),
  }
}
