/**
 * The callers who may use a route. This value decides how the caller authenticates, whether memory catches up first,
 * which limits apply, from where the route is reached, and which refusals its description lists.
 */
export interface Access {
  /**
   * `scope`: a Bearer access token. `client`: client credentials. `public`: anybody; `scraper`: `/metrics` decides.
   * `holder`: the holder of a live access token, whatever the token is for.
   * `page`: a browser, whose forms prove that they come from our own pages.
   */
  kind: 'scope' | 'client' | 'holder' | 'public' | 'scraper' | 'page'
  /** The scope that the access token needs; `signet:admin` always is enough. */
  scope?: string
  /** No limit closes the route: verifiers and watchers need it most when the load is highest. */
  isOpen?: true
  /** Never turned away for load. */
  isNeverShed?: true
  /** Scripts of any origin may read it. */
  isCrossOrigin?: true
  /** The response has every change that another process answered before. */
  catchesUp?: true
  /** Other sites may post here: the handler believes nothing of it. */
  takesForeignForms?: true
  /** Not in the description: callers other than our own pages have no use for it. */
  isUndescribed?: true
  /** Served below the path of the issuer only, where a rule of a proxy finds it. */
  isInternal?: true
}

/** A Bearer access token for the issuer with this scope (RFC 6750). */
export const scope = <Scope extends string>(name: Scope) =>
  ({ kind: 'scope', scope: name, catchesUp: true, isInternal: true }) as const satisfies Access

/** A registered client, authenticated as at `/token` (RFC 6749 §2.3). */
export const AS_CLIENT = { kind: 'client' } as const satisfies Access

/** The same where an app in a browser asks: with a public client's own tokens, and never with cookies. */
export const AS_CLIENT_OF_ANY_ORIGIN = { ...AS_CLIENT, isCrossOrigin: true } as const satisfies Access

/** The holder of a live access token, whatever the token is for (OIDC Core §5.3). */
export const AS_HOLDER = { kind: 'holder', catchesUp: true, isCrossOrigin: true } as const satisfies Access

/** A document of fixed content, such as metadata. */
export const DOCUMENT = { kind: 'public', isOpen: true, isCrossOrigin: true } as const satisfies Access

/** A document that follows the database: key sets, the feed. */
export const LIVE_DOCUMENT = { ...DOCUMENT, catchesUp: true } as const satisfies Access

/** For watchers and load balancers. */
export const HEALTH = { kind: 'public', isOpen: true } as const satisfies Access

/** For people and their tools: limited like any request that is not authenticated. */
export const READERS = { kind: 'public' } as const satisfies Access

/** For a script of one of our own pages: no interface for programs, and not described. */
export const OWN_SCRIPTS = { kind: 'public', isUndescribed: true, catchesUp: true } as const satisfies Access

/** The description of the API: limited, and readable by pages of any origin. */
export const DESCRIPTION = { kind: 'public', isCrossOrigin: true } as const satisfies Access

/** `/metrics`: the operator reads the figures when the load is highest. */
export const SCRAPER = { kind: 'scraper', isNeverShed: true, isInternal: true } as const satisfies Access

/** A page for people. */
export const PAGE = { kind: 'page', catchesUp: true, isInternal: true } as const satisfies Access

/** A well-known address that leads to a page: scripts of any origin may ask for it, as for all that is well known. */
export const WELL_KNOWN_PAGE = { ...PAGE, isCrossOrigin: true } as const satisfies Access

/** A page that clients send people to, by GET or by a form of their own. */
export const ENTRANCE = { ...PAGE, takesForeignForms: true } as const satisfies Access

/** A file of the pages, of fixed content: without it they can hardly be read, so no limit closes it. */
export const PAGE_FILE = { kind: 'page', isOpen: true, isInternal: true } as const satisfies Access
