/** Checks that a record named by a command exists. If it does not, the message suggests a similar name. */
import { nearest } from '../ground/nearest.ts'
import { Fault } from '../ground/errors.ts'
import type { Issuer } from '../issuer.ts'
import type { Person } from '../store/records/user.ts'

/** @throws Fault if the client does not exist */
export const requireNamedClient = async (id: string, { clientRegistry }: Issuer): Promise<void> =>
  requireNamed(
    'client',
    id,
    (await clientRegistry.list()).map(({ clientId }) => clientId),
  )

/** @throws Fault with the name and the next step */
export function requireNamed(noun: 'client' | 'resource', id: string, known: string[]): void {
  if (known.includes(id)) return
  throw new Fault(
    `${noun} ${JSON.stringify(id)} does not exist${nearest(id, known)}`,
    `see: signet ${noun} list; make it with: signet ${noun} create${noun === 'client' ? ' --id' : ''} ${id}`,
  )
}

/** @param name a user name, an address or an id @throws Fault with the name and the next step */
export async function requireUser(name: string, { userRegistry }: Pick<Issuer, 'userRegistry'>): Promise<Person> {
  const person = await userRegistry.findNamed(name)
  if (person) return person
  throw new Fault(
    `there is no user ${JSON.stringify(name)}`,
    'see: signet user list; make one with: signet user create',
  )
}
