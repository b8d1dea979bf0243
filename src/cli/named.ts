/** Checks that a record named by a command exists. If it does not, the message suggests a similar name. */
import { Fault } from '../ground/errors.ts'
import { nearest } from '../ground/nearest.ts'
import { shell } from '../ground/shell-word.ts'
import type { Issuer } from '../issuer.ts'
import { describeMissingResource } from '../resources/missing.ts'
import { BUILT_IN } from '../resources/resource.ts'
import type { Person } from '../store/records/user.ts'
import { withIssuer } from './open-issuer.ts'

/** The names of all records of a noun, by the noun of its command. */
const NAMES = {
  client: async ({ clientRegistry }) => (await clientRegistry.list()).map(({ clientId }) => clientId),
  resource: async ({ resourceRegistry }) => (await resourceRegistry.list()).map(({ id }) => id),
  group: async ({ groupRegistry }) => (await groupRegistry.list()).map(({ name }) => name),
} satisfies Record<string, (issuer: Issuer) => Promise<string[]>>

type Noun = keyof typeof NAMES

/** Opens the issuer for work on a record. @throws Fault with the name and the next step, if there is no such record */
export const withNamed = (noun: Noun, name: string, work: (issuer: Issuer) => Promise<void>): Promise<void> =>
  withIssuer(async (issuer) => {
    await requireNamed(noun, name, issuer)
    await work(issuer)
  })

/** @throws Fault with the name and the next step */
export async function requireNamed(noun: Noun, name: string, issuer: Issuer): Promise<void> {
  const known = await NAMES[noun](issuer)
  if (known.includes(name)) return
  if (noun === 'resource' && name === issuer.issuer)
    throw new Fault(`resource ${JSON.stringify(name)} ${BUILT_IN}`, 'for an API of yours: signet resource create ID')
  throw new Fault(
    `${noun} ${JSON.stringify(name)} does not exist${nearest(name, known)}`,
    `see: signet ${noun} list; ${makingOf(noun, name, issuer)}`,
  )
}

function makingOf(noun: Noun, name: string, { issuer }: Issuer): string {
  if (noun === 'resource') return describeMissingResource(name, issuer).help
  return `make it with: signet ${noun} create${noun === 'client' ? ' --id' : ''} ${shell(name)}`
}

/** @param name an id, a user name or a verified address @throws Fault with the name and the next step */
export async function requireUser(name: string, { userRegistry }: Pick<Issuer, 'userRegistry'>): Promise<Person> {
  const person = await userRegistry.findNamed(name)
  if (person) return person
  throw new Fault(
    `there is no user ${JSON.stringify(name)}`,
    'see: signet user list; make one with: signet user create',
  )
}
