/**
 * A page as a route. Everything of pages is loaded at the first call of one, so that an issuer without people starts as
 * fast, and as small, as one that has no pages. This file and session.ts are all that the list of routes imports.
 */
import { ENTRANCE, PAGE, PAGE_FILE, WELL_KNOWN_PAGE } from '../http/access.ts'
import { json, type Reply } from '../http/reply.ts'
import { route, type ErrorPage, type PageCall, type ParamsOf, type Route } from '../http/route.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { isByScript, type PageHandler } from './handler.ts'
import { seeOther } from './html.ts'
import { SignInFirst } from './session.ts'

/** Where a page is, and who sends people to it. */
export interface PageSpec<Path extends string> {
  get?: Path
  post?: Path
  /** Clients send people here, by GET or by a form of their own. */
  isEntrance?: true
  /** A file of fixed content. */
  isFile?: true
  /** A summary, a single line. */
  says?: string
}

/** Gives the function that makes the handler; a dynamic import stands in it. */
type Load<Needs, Param extends string> = () => Promise<(needs: Needs) => PageHandler<Param>>

/**
 * Makes the route of a page. An error that its handler throws becomes the error page, with the status of the error.
 * @param load called once; again at the next request, where it failed
 */
export function page<const Path extends string, Needs extends FrameNeeds>(
  { get, post, isEntrance, isFile, says = 'A page' }: PageSpec<Path>,
  needs: Needs,
  load: Load<Needs, ParamsOf<Path>>,
): Route {
  const handler = once(async () => (await load())(needs))
  const isWellKnown = get?.startsWith('/.well-known/') ?? false
  const terms = {
    ...(get !== undefined && { get }),
    ...(post !== undefined && { post }),
    access: isFile ? PAGE_FILE : isEntrance ? ENTRANCE : isWellKnown ? WELL_KNOWN_PAGE : PAGE,
    id: `${get === undefined ? 'post' : 'show'} ${get ?? post ?? ''}`,
    tag: 'Pages',
    says,
    answers: {},
    onError: errorPageOf(needs),
  }
  return route(terms, async (call) => {
    try {
      return await (
        await handler()
      )(call)
    } catch (error) {
      if (error instanceof SignInFirst) return signInFirst(call, error)
      throw error
    }
  })
}

/** A script cannot follow a redirect to a page, so it is told where to send the person. */
const signInFirst = (call: Pick<PageCall, 'header'>, { location }: SignInFirst): Reply =>
  isByScript(call) ? json({ error: 'login_required', location }, 401) : seeOther(location)

/** Pages have addresses that people type and shorten: below them, an unknown one is answered by a page too. */
export const noSuchPage = (path: `${string}:${string}`, needs: FrameNeeds): Route =>
  page({ get: path, says: 'No such page' }, needs, async () => (await import('./error.ts')).refuseUnknown)

const errorPageOf = (needs: FrameNeeds): ErrorPage => {
  const make = once(async () => (await import('./error.ts')).errorReplyOf(needs))
  return async (...error) => (await make())(...error)
}

/** Runs `open` once, and again only after it has failed. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined
  const forget = (error: unknown): never => {
    opened = undefined
    throw error
  }
  return () => (opened ??= open().catch(forget))
}
