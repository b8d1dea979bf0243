/** Tells a mistake of the file from a conflict: a record that an operator changed so that the declaration fits no more. */
import { Fault, OAuthError } from '../ground/errors.ts'
import type { Unapplied } from './applied.ts'

/**
 * The conflict of a declaration with its record, if there is one.
 * @param requireSound throws where a record cannot be
 * @param alone the record as the declaration makes it where there is none
 * @param next the record that is there, as the declaration changes it
 * @param left what becomes of the record
 * @throws what `requireSound` throws of the declaration alone
 */
export function findConflict<Kept>(
  { kind, id, place }: Omit<Unapplied, 'fix'>,
  requireSound: (record: Kept) => void,
  { alone, next, left = 'is left as it is' }: { alone: Kept; next: Kept; left?: string },
): Unapplied | undefined {
  const fault = faultOf(() => requireSound(next))
  if (fault === undefined) return undefined
  if (alone === next || faultOf(() => requireSound(alone)) !== undefined) throw fault
  const fix = `${kind} ${id} is not as the file expects, and ${left}: ${fault.message}; change the file, or the ${kind}`
  return { kind, id, place, fix }
}

function faultOf(check: () => void): Fault | OAuthError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof Fault || error instanceof OAuthError) return error
    throw error
  }
}
