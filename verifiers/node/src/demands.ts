/** The rights that a route can demand of a verified token. Each is a pure check that throws `insufficient_scope`. */
import { TokenError, shown } from './errors.ts'
import { permissionsOf, rolesOf, scopesOf, type TokenClaims } from './token.ts'

export type Demand = (claims: TokenClaims) => void

const refuse = (description: string, scope?: string): TokenError =>
  new TokenError('insufficient_scope', description, scope === undefined ? {} : { scope })

/** All of these scopes. */
export function scopes(...needed: string[]): Demand {
  requireNames('requireScope', needed)
  const together = needed.join(' ')
  return (claims) => {
    const held = scopesOf(claims)
    if (!needed.every((scope) => held.includes(scope)))
      throw refuse(`the token needs the scope ${shown(together)}`, together)
  }
}

/** Demands one of these roles, in `roles` or `role`. */
export function roles(...accepted: string[]): Demand {
  requireNames('requireRole', accepted)
  return (claims) => {
    const held = rolesOf(claims)
    if (!accepted.some((role) => held.includes(role)))
      throw refuse(`the token needs the role ${accepted.map(shown).join(' or ')}`)
  }
}

/** Demands one of these permissions, in `permissions`. */
export function anyPermission(accepted: readonly string[]): Demand {
  requireNames('requireAnyPermission', accepted)
  return (claims) => {
    const held = permissionsOf(claims)
    if (!accepted.some((permission) => held.includes(permission)))
      throw refuse(`the token needs the permission ${accepted.map(shown).join(' or ')}`)
  }
}

/** `is_platform_owner` is exactly `true`. */
export const platformOwner: Demand = (claims) => {
  if (claims.is_platform_owner !== true) throw refuse('the token is not that of a platform owner')
}

/** An empty demand would let everybody in, so it is refused as a mistake. */
function requireNames(what: string, names: readonly unknown[]): void {
  if (names.length === 0 || names.some((name) => typeof name !== 'string' || name === ''))
    throw new TypeError(`${what} takes one name or more, none of them empty`)
}
