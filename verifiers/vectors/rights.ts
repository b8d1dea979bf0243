/** What a route demands of a good token, and whether its claims give it. */
import { token, type Key } from './signing.ts'

export interface RightsCase {
  name: string
  token: string
  /** One of these: all scopes, one of the roles, one of the permissions. */
  needs: { scope: string[] } | { role: string[] } | { permission: string[] }
  code: string
}

type Told = [needs: RightsCase['needs'], given: Record<string, unknown>, met: boolean]

const SCOPES: Told[] = [
  [{ scope: ['a'] }, { scope: 'a' }, true],
  [{ scope: ['a', 'b'] }, { scope: 'b c a' }, true],
  [{ scope: ['a', 'b'] }, { scope: 'a' }, false],
  [{ scope: ['a'] }, { scope: 'ab' }, false],
  [{ scope: ['a'] }, { scope: 'A' }, false],
  [{ scope: ['a'] }, { scope: undefined }, false],
  [{ scope: ['a'] }, { scope: ['a', 17] }, true],
  [{ scope: ['a'] }, { scope: 'a,b' }, false],
  [{ scope: ['a'] }, { scope: { a: true } }, false],
  [{ scope: ['a'] }, { scope: undefined, scp: 'a' }, true],
  [{ scope: ['a'] }, { scope: 'b', scp: 'a' }, false],
  [{ scope: ['a'] }, { scope: null, scp: ['a'] }, true],
]

const OTHERS: Told[] = [
  [{ role: ['admin', 'owner'] }, { roles: ['owner'] }, true],
  [{ role: ['admin'] }, { role: 'admin' }, true],
  [{ role: ['admin'] }, { roles: 'admin' }, true],
  [{ role: ['site admin'] }, { roles: ['site admin'] }, true],
  [{ role: ['admin'] }, { roles: 'site admin' }, false],
  [{ role: ['admin'] }, { roles: [['admin']] }, false],
  [{ role: ['admin'] }, { roles: { admin: true } }, false],
  [{ role: ['admin'] }, {}, false],
  [{ permission: ['orders.write'] }, { permissions: ['orders.read', 'orders.write'] }, true],
  [{ permission: ['orders.write'] }, { permissions: 'orders.read orders.write' }, true],
  [{ permission: ['a', 'b'] }, { permissions: ['b'] }, true],
  [{ permission: ['orders.write'] }, { permissions: ['orders'] }, false],
  [{ permission: ['orders.write'] }, { permissions: true }, false],
  [{ permission: ['orders.write'] }, { scope: 'orders.write' }, false],
]

export const rightsCases = (key: Key): RightsCase[] =>
  [...SCOPES, ...OTHERS].map(([needs, given, met]) => ({
    name: `${JSON.stringify(needs)} of ${JSON.stringify(given)}`,
    token: token(key, given),
    needs,
    code: met ? 'accepted' : 'insufficient_scope',
  }))
