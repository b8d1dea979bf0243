/** The shop's own users, whom it signs in by itself. */
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
  // She has no claims, and so no rights.
  eve: { scope: 'orders:read', claims: {} },
  // His claims have wrong types, and give no rights either.
  mal: { scope: 'orders:read', claims: { is_platform_owner: 'true', permissions: { all: true }, org_slug: ['acme'] } },
}
