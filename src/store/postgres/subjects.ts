/** The persons that grants were made for, on PostgreSQL. */
import type { Instant } from '../../ground/clock.ts'
import type { Engine } from '../engine.ts'
import type { SubjectSummary } from '../records/grant.ts'
import { subjectTexts, toSummary } from '../subjects.ts'
import type { Database } from './database.ts'
import { unavailable } from './failures.ts'

export function subjectVerbs({ statements, pool }: Database): Pick<Engine, 'listSubjects' | 'findSubject'> {
  const { list, find } = subjectTexts((table) => statements.name(table), { now: '$1', sub: '$2', limit: '$3' })
  const ask = async (text: string, values: unknown[]): Promise<SubjectSummary[]> => {
    try {
      return (await pool.ask(text, values)).map(toSummary)
    } catch (error) {
      throw unavailable(error)
    }
  }
  return {
    listSubjects: ({ after = '', limit }, now: Instant) => ask(list, [now, after, limit]),
    findSubject: async (sub, now) => (await ask(find, [now, sub]))[0],
  }
}
