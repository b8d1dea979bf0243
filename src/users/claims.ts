/**
 * The claims that tell who a person is (OIDC Core §5.1, §5.4). One function composes them for ID tokens and for userinfo.
 * A value that a person does not have is left out. Claims of the protocol are never composed here.
 */
import { toSeconds } from '../ground/clock.ts'
import { isProtocolClaim } from '../clients/claims.ts'
import { readClaimPath } from '../clients/claim-map.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { Person } from '../store/records/user.ts'
import { groupNames, ownClaims, permissionsOf, rolesOf } from './person.ts'

type Claims = Record<string, unknown>

/** Standard claims that no field of a person holds: the person's own claims of these names tell them (OIDC Core §5.1). */
const STANDARD_OWN_CLAIMS = ['middle_name', 'profile', 'website', 'gender', 'birthdate'] as const

/** The claims of each scope. */
const CLAIMS_OF_SCOPE = {
  profile: [
    'name',
    'given_name',
    'family_name',
    'nickname',
    'preferred_username',
    'picture',
    'locale',
    'zoneinfo',
    'updated_at',
    ...STANDARD_OWN_CLAIMS,
  ],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
  groups: ['groups', 'roles', 'permissions'],
} as const satisfies Record<string, readonly string[]>

/** Every claim that some scope asks for. */
export const PERSON_CLAIMS: readonly string[] = Object.values(CLAIMS_OF_SCOPE).flat()

/** `email_verified` follows from the key: only a verified address identifies a person. */
function allClaims(person: Person): Claims {
  const { user } = person
  const { email, profile } = user
  return {
    ...standardOwnClaims(person),
    ...profile,
    name: user.name ?? undefined,
    preferred_username: user.username,
    updated_at: toSeconds(user.updatedAt),
    email: email ?? undefined,
    email_verified: email === null ? undefined : user.emailKey !== null,
    phone_number_verified: profile.phone_number === undefined ? undefined : (profile.phone_number_verified ?? false),
    groups: groupNames(person),
    roles: unlessEmpty(rolesOf(person)),
    permissions: unlessEmpty(permissionsOf(person)),
  }
}

/**
 * Those that are texts, as the standard has them. Claims of groups are left out: they are written for apps, and a group
 * whose `profile` is "gold" says nothing about the person's page.
 */
function standardOwnClaims({ user: { claims } }: Person): Claims {
  const found = STANDARD_OWN_CLAIMS.map((name): [string, unknown] => [name, claims[name]])
  return Object.fromEntries(found.filter(([, value]) => typeof value === 'string' && value !== ''))
}

const unlessEmpty = (list: string[]): string[] | undefined => (list.length > 0 ? list : undefined)

/** The claims of these names, where the person has them. */
function pick(person: Person, names: Iterable<string>): Claims {
  const all = allClaims(person)
  const found = [...new Set(names)].filter((name) => PERSON_CLAIMS.includes(name) && all[name] !== undefined)
  return Object.fromEntries(found.map((name) => [name, all[name]]))
}

const ofScopes = (scope: readonly string[]): readonly string[] =>
  Object.entries(CLAIMS_OF_SCOPE).flatMap(([value, names]) => (scope.includes(value) ? names : []))

/** Those of the scopes that give a claim of these names: a claim that is asked for by its name needs the same consent. */
export const scopesOfClaims = (names: readonly string[], scope: readonly string[]): string[] =>
  scope.filter((value) => withinScopes(names, [value]).length > 0)

/** The names of the claims that these scopes give. */
export const withinScopes = (names: readonly string[], scope: readonly string[]): string[] => {
  const open = ofScopes(scope)
  return names.filter((name) => open.includes(name))
}

/**
 * The claims of an ID token or of userinfo.
 * @param scope that was granted; `[]` where its claims stand elsewhere
 * @param requested names of claims that were asked for one by one (OIDC Core §5.5): those of the client's own scopes count
 */
export function claimsOfPerson(
  person: Person,
  client: Pick<ClientRecord, 'claimMap' | 'scope'>,
  { scope, requested }: { scope: readonly string[]; requested: readonly string[] },
): Claims {
  const names = [...ofScopes(scope), ...withinScopes(requested, client.scope)]
  return { ...pick(person, names), ...mappedClaims(client.claimMap, person) }
}

/** The claims of a map, where the person has them. */
export function mappedClaims(map: Record<string, string>, person: Person): Claims {
  const found = Object.entries(map).map(([name, path]): [string, unknown] => [name, findAt(path, person)])
  return Object.fromEntries(found.filter(([name, value]) => value !== undefined && !isProtocolClaim(name)))
}

function findAt(text: string, person: Person): unknown {
  const path = readClaimPath(text)
  if (!path) return undefined
  const value = path.member === 'claims' ? ownClaim(path.name, person) : memberOf(person)[path.member]()
  if (path.index === undefined) return value ?? undefined
  return Array.isArray(value) ? (value[path.index] ?? undefined) : undefined
}

/** A claim of this name, or else a member inside of one: `org.slug`. */
function ownClaim(name: string, person: Person): unknown {
  const claims = ownClaims(person)
  if (Object.hasOwn(claims, name)) return claims[name]
  const inside = (value: unknown, part: string): unknown =>
    isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined
  return name.split('.').reduce(inside, claims)
}

const isObject = (value: unknown): value is Claims => typeof value === 'object' && value !== null

/** An address that is not verified identifies nobody, and apps take a mapped claim for an identity. */
const memberOf = (person: Person) => ({
  id: () => person.user.id,
  username: () => person.user.username,
  email: () => (person.user.emailKey === null ? null : person.user.email),
  name: () => person.user.name,
  groups: () => groupNames(person),
  roles: () => rolesOf(person),
  permissions: () => permissionsOf(person),
})
