/**
 * A page as a route. Everything of pages is loaded at the first call of one, so that an issuer without people starts as
 * fast, and as small, as one that has no pages. The list of routes imports this file,
 * sign-in-first.ts and visit.ts alone.
 */
import { loadedOnce } from '../ground/on-demand.ts'
import { ENTRANCE, PAGE, PAGE_FILE, WELL_KNOWN_PAGE } from '../http/access.ts'
import { json, type Reply } from '../http/reply.ts'
import { route, type ErrorPage, type PageCall, type ParamsOf, type Route } from '../http/route.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { isByScript, type PageHandler } from './handler.ts'
import { seeOther } from './html.ts'
import { SignInFirst } from './sign-in-first.ts'
import { mayAct, notYet, type ActsOn } from './visit.ts'

/** The path of a page, and its visitors. */
export interface PageSpec<Path extends string> {
  get?: Path
  post?: Path
  /** Clients send people here, by GET or by a form of their own. */
  isEntrance?: true
  /** By GET it begins or ends something, e.g. a sign-in or a session. */
  acts?: ActsOn
  /** A file of fixed content. */
  isFile?: true
}

/** Gives the function that makes the handler; a dynamic import stands in it. */
export type Load<Needs, Param extends string> = () => Promise<(needs: Needs) => PageHandler<Param>>

/**
 * Makes the route of a page. An error that its handler throws becomes the error page, with the status of the error.
 * @param load called once; again at the next request, where it failed
 * @param onError the error page, where it is another one
 */
export function page<const Path extends string, Needs extends FrameNeeds>(
  spec: PageSpec<Path>,
  needs: Needs,
  load: Load<Needs, ParamsOf<Path>>,
  onError = errorPageOf(needs),
): Route {
  const { get, post, acts } = spec
  const open = loadedOnce(async () => (await load())(needs))
  const terms = {
    ...(get !== undefined && { get }),
    ...(post !== undefined && { post }),
    access: accessOf(spec),
    id: `${get === undefined ? 'post' : 'show'} ${get ?? post ?? ''}`,
    tag: 'Pages',
    says: 'A page',
    answers: {},
    onError,
  }
  return route(terms, async (call) => {
    if (acts !== undefined && !mayAct(call, acts)) return notYet(call)
    try {
      const handler = await open()
      return await handler(call)
    } catch (error) {
      if (error instanceof SignInFirst) return signInFirst(call, error)
      throw error
    }
  })
}

function accessOf({ get, isEntrance, isFile }: PageSpec<string>) {
  if (isFile) return PAGE_FILE
  if (isEntrance) return ENTRANCE
  return get?.startsWith('/.well-known/') ? WELL_KNOWN_PAGE : PAGE
}

/** A script cannot follow a redirect to a page, so it is told where to send the person. */
export const signInFirst = (call: Pick<PageCall, 'header'>, { location }: SignInFirst): Reply =>
  isByScript(call) ? json({ error: 'login_required', location }, 401) : seeOther(location)

/** Pages have addresses that people type and shorten: below them, an unknown one is answered by a page too. */
export const noSuchPage = (path: `${string}:${string}`, needs: FrameNeeds): Route =>
  page({ get: path }, needs, async () => (await import('./error.ts')).refuseUnknown)

/** The error page, loaded at the first error that a browser is told. */
export const errorPageOf = (needs: FrameNeeds): ErrorPage =>
  lateErrorPage(async () => (await import('./error.ts')).errorReplyOf(needs))

/** An error page that is loaded at the first error. */
export function lateErrorPage(load: () => Promise<ErrorPage>): ErrorPage {
  const make = loadedOnce(load)
  return async (...error) => (await make())(...error)
}
