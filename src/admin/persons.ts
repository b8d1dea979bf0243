/**
 * Persons as /admin/api/users shows them: users who sign in here, and the persons for whom trusted backends have asked
 * grants. A user is found by id or user name, and a name that no user has is a `sub`.
 */
import type { Blacklist } from '../blacklist/match.ts'
import { MOST_NAME_CHARACTERS } from '../blacklist/wire.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { notFound } from '../ground/errors.ts'
import { looksSecret } from '../ground/looks-secret.ts'
import { optional, shapeOf, text, type JsonSchema } from '../ground/shape.ts'
import { SUBJECT_EXAMPLE, SUBJECT_SHAPES, subjectView } from '../grants/wire.ts'
import type { Page } from '../store/records/facts.ts'
import type { Person, PersonFilter } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import { USER_EXAMPLE, USER_SHAPES, userView, type UserView } from '../users/wire.ts'

export interface PersonNeeds {
  store: Store
  clients: ClientDirectory
  blacklist: Blacklist
}

type Summary = Parameters<typeof subjectView>[0]

/** The members of a user are absent for a person who has no account here. */
export type PersonView = ReturnType<typeof subjectView> & Partial<UserView> & { invite_url?: string }

export type Persons = ReturnType<typeof personsOf>

export function personsOf({ store, clients, blacklist }: PersonNeeds) {
  const refusing = (sub: string) => blacklist.findRefusing('sub', sub)?.id
  const none = (sub: string): Summary => ({ sub, grants: 0, liveGrants: 0, lastGrantAt: null })
  const ofSubject = (summary: Summary): PersonView => subjectView(summary, refusing(summary.sub))
  const ofUser = (person: Person, summary: Summary): PersonView => {
    const view = ofSubject(summary)
    return { ...view, ...userView(person), ...(person.user.disabledAt !== null && { status: 'disabled' }) }
  }
  const requireKnown = async (sub: string): Promise<void> => {
    if (refusing(sub) === undefined && !(await store.findSubject(sub))) throw notFound('this user')
  }
  const describeUser = async (person: Person): Promise<PersonView> =>
    ofUser(person, (await store.findSubject(person.user.id)) ?? none(person.user.id))
  /** The user of an id; else of a user name, unless a backend has a person of that name. */
  const findUser = async (name: string): Promise<Person | undefined> => {
    const named = await store.findPerson({ id: name })
    if (named || (await store.findSubject(name))) return named
    return store.findPerson({ username: name })
  }
  return {
    requireKnown,
    describeUser,
    findUser,
    requireUser: async (name: string): Promise<Person> => {
      const person = await findUser(name)
      if (!person) throw notFound('this user')
      return person
    },
    describe: async (sub: string): Promise<PersonView> => ofSubject((await store.findSubject(sub)) ?? none(sub)),
    /** Users and other persons together, in the order of their `sub`. */
    list: async (page: Page): Promise<PersonView[]> => {
      const subjects = new Map((await store.listSubjects(page)).map((summary) => [summary.sub, summary]))
      const users = new Map((await store.listPersons({}, page)).map((person) => [person.user.id, person]))
      const subs = [...new Set([...subjects.keys(), ...users.keys()])].sort().slice(0, page.limit)
      return subs.map((sub) => {
        const summary = subjects.get(sub) ?? none(sub)
        const person = users.get(sub)
        return person ? ofUser(person, summary) : ofSubject(summary)
      })
    },
    search: async (filter: PersonFilter, page: Page): Promise<PersonView[]> =>
      Promise.all((await store.listPersons(filter, page)).map(describeUser)),
    /**
     * A denial needs no record of a person: a person who only got access tokens has none. The id of a client is no
     * person's `sub`.
     */
    requireDeniable: async (sub: string): Promise<void> => {
      const isNoName = sub.length > MOST_NAME_CHARACTERS || looksSecret(sub) || clients.find(sub) !== undefined
      if (isNoName) await requireKnown(sub)
    },
  }
}

/**
 * The id of the user whom a filter names by id, user name or address. A name that nobody has stands for itself, and so for
 * an empty list.
 */
export async function userIdOf(name: string | undefined, { store }: Pick<PersonNeeds, 'store'>) {
  if (!name) return undefined
  const person = (await store.findPerson({ id: name })) ?? (await store.findPersonNamed(name))
  return person?.user.id ?? name
}

/** The parameter of such a filter, for the description. */
export const USER_QUERY = { says: 'Of this person alone, by `sub`, user name or address.' }

/** Sound: each schema stands under its own name. */
const ofUsersAlone = Object.fromEntries(
  Object.entries<JsonSchema>(USER_SHAPES).map(([name, schema]) => [name, optional(schema)]),
) as Record<keyof UserView, JsonSchema>

export const USER = shapeOf<PersonView>(
  'User',
  {
    ...SUBJECT_SHAPES,
    ...ofUsersAlone,
    invite_url: optional(text('The link by which the person takes the account over, shown this once.')),
  },
  { ...SUBJECT_EXAMPLE, ...USER_EXAMPLE, sub: USER_EXAMPLE.id },
)
