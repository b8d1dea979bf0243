/** How a run plays callers of other networks: by `X-Forwarded-For`, as a proxy on this machine would send it. */

/** Lets the header name the caller, also where the issuer is this machine and believes nobody by default. */
export const BEHIND_PROXY = { SIGNET_TRUSTED_PROXIES: 'loopback' } as const
