/** A record that a command names: it has to be there, and where it is not, the one that was meant is near. */
import { nearest } from '../ground/nearest.ts'
import { Fault } from '../ground/errors.ts'
import type { Issuer } from '../issuer.ts'

/** @throws Fault naming the client, where there is none. */
export const requireNamedClient = async (id: string, { clientRegistry }: Issuer): Promise<void> =>
  requireNamed(
    'client',
    id,
    (await clientRegistry.list()).map(({ clientId }) => clientId),
  )

/** @throws Fault with the name and the next step. */
export function requireNamed(noun: 'client' | 'resource', id: string, known: string[]): void {
  if (known.includes(id)) return
  throw new Fault(
    `${noun} ${JSON.stringify(id)} does not exist${nearest(id, known)}`,
    `see: signet ${noun} list; make it with: signet ${noun} create${noun === 'client' ? ' --id' : ''} ${id}`,
  )
}
