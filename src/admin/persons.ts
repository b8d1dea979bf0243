/**
 * Persons as /admin/api/users shows them: users who sign in here, and the persons for whom trusted backends have asked
 * grants. A user is found by id or user name, and a name that no user has is a `sub`. A name that is both is refused: a
 * backend chooses its subjects, and people may choose their user names, so neither may hide the other.
 */
import type { Blacklist } from '../blacklist/match.ts'
import { MOST_NAME_CHARACTERS } from '../blacklist/wire.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { conflict, notFound, type OAuthError } from '../ground/errors.ts'
import { looksSecret } from '../ground/looks-secret.ts'
import { optional, shapeOf, text, type JsonSchema } from '../ground/shape.ts'
import { narrowing } from '../http/page.ts'
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

export const personsOf = (needs: PersonNeeds) => ({ ...lookUpsOf(needs), ...viewsOf(needs) })

/** Persons by id or user name. */
function lookUpsOf({ store, clients, blacklist }: PersonNeeds) {
  const requireKnown = async (sub: string): Promise<void> => {
    if (!blacklist.findRefusing('sub', sub) && !(await store.findSubject(sub))) throw notFound('this user')
  }
  /** The user of an id, else of a user name. @throws OAuthError 409 where a backend has a person of that name */
  const findUser = async (name: string): Promise<Person | undefined> => {
    const found = (await store.findPerson({ id: name })) ?? (await store.findPerson({ username: name }))
    if (found && found.user.id !== name && (await store.findSubject(name))) throw namesTwo(name, found.user)
    return found
  }
  const requireUser = async (name: string): Promise<Person> => {
    const person = await findUser(name)
    if (!person) throw notFound('this user')
    return person
  }
  /**
   * A denial needs no record of a person: a person who only got access tokens has none. The id of a client is no
   * person's `sub`.
   */
  const requireDeniable = async (sub: string): Promise<void> => {
    const isNoName = sub.length > MOST_NAME_CHARACTERS || looksSecret(sub) || clients.find(sub) !== undefined
    if (isNoName) await requireKnown(sub)
  }
  return { requireKnown, findUser, requireUser, requireDeniable }
}

/** Persons as the API shows them, one by one and in lists. */
function viewsOf({ store, blacklist }: PersonNeeds) {
  const none = (sub: string): Summary => ({ sub, grants: 0, liveGrants: 0, lastGrantAt: null, isDeleted: false })
  const ofSubject = (summary: Summary): PersonView => subjectView(summary, blacklist.findRefusing('sub', summary.sub))
  const ofUser = (person: Person, summary: Summary): PersonView => {
    const view = ofSubject(summary)
    return { ...view, ...userView(person), ...(person.user.disabledAt !== null && { status: 'disabled' }) }
  }
  const summaryOf = async (sub: string): Promise<Summary> => (await store.findSubject(sub)) ?? none(sub)
  const describe = async (sub: string): Promise<PersonView> => ofSubject(await summaryOf(sub))
  const describeUser = async (person: Person): Promise<PersonView> => ofUser(person, await summaryOf(person.user.id))
  /** Users and other persons together, in the order of their `sub`. */
  const list = async (page: Page): Promise<PersonView[]> => {
    const subjects = new Map((await store.listSubjects(page)).map((summary) => [summary.sub, summary]))
    const users = new Map((await store.listPersons({}, page)).map((person) => [person.user.id, person]))
    const subs = [...new Set([...subjects.keys(), ...users.keys()])].sort().slice(0, page.limit)
    return subs.map((sub) => {
      const summary = subjects.get(sub) ?? none(sub)
      const person = users.get(sub)
      return person ? ofUser(person, summary) : ofSubject(summary)
    })
  }
  const search = async (filter: PersonFilter, page: Page): Promise<PersonView[]> =>
    Promise.all((await store.listPersons(filter, page)).map(describeUser))
  return { describe, describeUser, list, search }
}

const namesTwo = (name: string, { id }: Person['user']): OAuthError =>
  conflict(
    `${name} is the user name of ${id} and a sub of a backend: name the user by the id, and stop the sub by POST /blacklist`,
  )

/**
 * The id of the user whom a filter names by id, user name or address. A name that nobody has stands for itself, and so for
 * an empty list.
 */
export async function userIdOf(name: string | undefined, { store }: Pick<PersonNeeds, 'store'>) {
  if (name === undefined) return undefined
  return (await store.findPersonNamed(name))?.user.id ?? name
}

/** The parameter of such a filter, for the description. */
export const USER_QUERY = narrowing('Of this person alone, by `sub`, user name or address.')

/** Sound: each schema stands under its own name. */
const ofUsersAlone = Object.fromEntries(
  Object.entries<JsonSchema>(USER_SHAPES).map(([name, schema]) => [name, optional(schema)]),
) as Record<keyof UserView, JsonSchema>

export const USER = shapeOf<PersonView>(
  'User',
  {
    ...ofUsersAlone,
    ...SUBJECT_SHAPES,
    invite_url: optional(text('The link by which the person takes the account over, shown this once.')),
  },
  { ...SUBJECT_EXAMPLE, ...USER_EXAMPLE, sub: USER_EXAMPLE.id },
)
