/** Stands for the shop's own users, whom it signs in by itself. */
export interface Account {
  scope: string
  claims: Record<string, unknown>
}

export const PEOPLE: Readonly<Record<string, Account>> = {
  ada: {
    scope: 'orders:read orders:write',
    claims: {
      email: 'ada@example.com',
      org_slug: 'acme',
      service_slug: 'shop',
      roles: ['admin'],
      is_platform_owner: true,
    },
  },
  bob: {
    scope: 'orders:read',
    claims: { org_slug: 'acme', service_slug: 'shop', roles: ['clerk'], permissions: ['orders.refund'] },
  },
  // Nothing is known of her: every claim is absent, and none of them gives a right.
  eve: { scope: 'orders:read', claims: {} },
  // A claim of another type than it should be gives none either.
  mal: { scope: 'orders:read', claims: { is_platform_owner: 'true', permissions: { all: true }, org_slug: ['acme'] } },
}
