/**
 * Claim maps: the names that an app or API wants, and the member of a person that each of them tells. The values
 * that a path finds in a person stand in users/claims.ts.
 */
import { isProtocolClaim } from './claims.ts'

/** The members of a person that a path may begin with; `claims.X` is one of the person's own claims. */
export const PERSON_MEMBERS = ['id', 'username', 'email', 'name', 'groups', 'roles', 'permissions'] as const
export type PersonMember = (typeof PERSON_MEMBERS)[number]

/** `name` is for `claims`: the claim's own name, whatever stands in it. `index` picks a member of a list. */
export interface ClaimPath {
  member: PersonMember | 'claims'
  name: string
  index: number | undefined
}

const MOST_CLAIMS = 50
const MOST_CHARACTERS = 128

const PATH = /^(claims\.(?<name>[^\s[\]]+)|(?<member>[a-z]+))(?:\[(?<index>\d{1,3})\])?$/

const PATH_FORM = `one of ${PERSON_MEMBERS.join(', ')} or claims.X, with [0] after it for a member of a list`

/** `undefined` for a text that is no path. */
export function readClaimPath(text: string): ClaimPath | undefined {
  const { name = '', member, index } = (text.length <= MOST_CHARACTERS && PATH.exec(text)?.groups) || {}
  const known = PERSON_MEMBERS.find((each) => each === member)
  if (known === undefined && name === '') return undefined
  return { member: known ?? 'claims', name, index: index === undefined ? undefined : Number(index) }
}

/** Why a map cannot be taken, if it cannot. It repeats no name but those of the protocol. */
export function findClaimMapFault(map: Record<string, string>): string | undefined {
  const entries = Object.entries(map)
  if (entries.length > MOST_CLAIMS) return `a claim map has at most ${MOST_CLAIMS} claims`
  for (const [name, path] of entries) {
    if (isProtocolClaim(name)) return `claim "${name}" belongs to the protocol and cannot be mapped`
    if (name === '' || name === '__proto__' || name.length > MOST_CHARACTERS)
      return `a claim name has 1 to ${MOST_CHARACTERS} characters`
    if (!readClaimPath(path)) return `the path of a claim is ${PATH_FORM}`
  }
  return undefined
}
