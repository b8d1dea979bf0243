/**
 * From a request to the reply of its route. The order is the same for every route, and its types allow no other: the
 * body arrives, memory catches up, the caller is judged, the handler runs. Nothing is awaited between the last two.
 */
import type { Context as HonoContext } from 'hono'
import type { Clock } from '../ground/clock.ts'
import { invalidClientMetadata, invalidRequest } from '../ground/errors.ts'
import { schemaOf } from '../ground/schema.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import type { Store } from '../store/store.ts'
import type { TokenState } from '../tokens/token-state.ts'
import type { Limits } from '../limits/limits.ts'
import { byClient } from '../audit.ts'
import { standardHeaders } from './answer.ts'
import { readCookies } from './cookies.ts'
import { requireOwnForm, whyNoCookie } from './own-form.ts'
import type { Outcome } from './reply.ts'
import { judgeBearer } from './bearer.ts'
import { authenticateClient, type ClientNeeds } from './client-auth.ts'
import type { Context, Env } from './context.ts'
import {
  isForm,
  parseForm,
  parseFormOrJson,
  parseJsonObject,
  readBody,
  readQuery,
  readSent,
  requireForm,
} from './form.ts'
import { endpointUrl } from './endpoint-url.ts'
import { judgeHolder } from './holder.ts'
import { parseBody } from './parse-body.ts'
import {
  takesBody,
  type ClientCall,
  type HolderCall,
  type Route,
  type ScopedCall,
  type Call,
  type OpenCall,
  type PageCall,
  type QueryParameter,
} from './route.ts'

export interface DispatchNeeds extends ClientNeeds {
  issuer: string
  store: Store
  tokenState: TokenState
  limits: Limits
  clock: Clock
}

/** @throws whatever the route refuses with; on-error.ts makes the reply of it. */
export function dispatch(route: Route, c: HonoContext<Env>, needs: DispatchNeeds): Outcome | Promise<Outcome> {
  switch (route.access.kind) {
    case 'scope':
      return callScoped(route, c, needs)
    case 'client':
      return callAsClient(route, c, needs)
    case 'holder':
      return callHolder(route, c, needs)
    case 'page':
      return callPage(route, c, needs)
    case 'public':
    case 'scraper':
      return callOpen(route, c, needs)
  }
}

async function callScoped(route: Route, c: HonoContext<Env>, needs: DispatchNeeds): Promise<Outcome> {
  const context = c.env
  const bytes = takesBody(route) ? await readBody(context.incoming) : undefined
  const news = needs.store.catchUp()
  if (news) await news
  // From here on everything happens in one turn.
  const { authorization } = context.incoming.headers
  const scope = route.access.scope ?? ADMIN_SCOPE
  const { clientId, isAdministrator } = judgeBearer(authorization, scope, needs)
  const judge = () => void judgeBearer(authorization, scope, needs)
  context.facts.client_id = clientId
  needs.limits.noteClient(clientId, context.ticket)
  const call: ScopedCall<unknown, string, string> = {
    ...callOf(route, c),
    body: bodyOf(route, context, bytes),
    actor: { ...byClient(clientId, context.facts.request_id), isAdministrator, judge },
  }
  return handle(route, call)
}

async function callAsClient(route: Route, c: HonoContext<Env>, needs: DispatchNeeds): Promise<Outcome> {
  const { incoming, facts } = c.env
  const known = route.form ?? {}
  requireForm(incoming, route.isFormOrJson)
  const bytes = await readBody(incoming)
  const form = route.isFormOrJson ? parseFormOrJson(incoming, bytes, known) : parseForm(bytes, known)
  const caller = await authenticateClient(c.env, form, needs)
  const actor = byClient(caller.client.clientId, facts.request_id)
  const call: ClientCall<string, string, string> = { ...callOf(route, c), form, caller, actor }
  return handle(route, call)
}

async function callHolder(route: Route, c: HonoContext<Env>, needs: DispatchNeeds): Promise<Outcome> {
  const context = c.env
  const { incoming, facts } = context
  const form = route.form && isForm(incoming) ? parseForm(await readBody(incoming), route.form) : undefined
  const news = needs.store.catchUp()
  if (news) await news
  const holder = await judgeHolder(
    {
      authorization: incoming.headers.authorization,
      accessToken: form?.get('access_token'),
      proof: [incoming.headers.dpop].flat()[0],
      method: route.method,
      url: endpointUrl(needs.issuer, route.path),
    },
    needs,
  )
  facts.client_id = holder.token.client_id
  needs.limits.noteClient(holder.token.client_id, context.ticket)
  const call: HolderCall = { ...callOf(route, c), ...holder }
  return handle(route, call)
}

async function callPage(route: Route, c: HonoContext<Env>, needs: DispatchNeeds): Promise<Outcome> {
  const { incoming, target } = c.env
  const { issuer, limits, store } = needs
  const isPost = route.method === 'POST'
  const body = isPost ? readSent(incoming, await readBody(incoming)) : readQuery(target?.query)
  // A page that clients send people to judges its own parameters: the client has to hear of it.
  if (!route.access.takesForeignForms) body.sent.requireOnce()
  const cookies = readCookies(incoming.headers.cookie, issuer)
  if (isPost && !route.access.takesForeignForms) {
    const inJson = typeof body.json.csrf === 'string' ? body.json.csrf : undefined
    const csrf = body.sent.get('csrf') ?? inJson
    const { headers } = incoming
    const action = body.sent.get('action')
    requireOwnForm({ headers, cookies, csrf, namesSignIn: body.sent.has('tx'), action }, issuer)
  }
  const news = store.catchUp()
  if (news) await news
  const { network } = limits.callerOf(incoming)
  const call: PageCall = {
    ...callOf(route, c),
    method: isPost ? 'POST' : incoming.method === 'HEAD' ? 'HEAD' : 'GET',
    ...body,
    cookies,
    whyNoCookie: () => whyNoCookie(incoming.headers, issuer),
    network,
  }
  return handle(route, call)
}

function callOpen(route: Route, c: HonoContext<Env>, needs: DispatchNeeds): Outcome | Promise<Outcome> {
  const { incoming, outgoing } = c.env
  const call: OpenCall<string, string> = {
    ...callOf(route, c),
    incoming,
    outgoing,
    standardHeaders: () => standardHeaders(c.env),
  }
  const news = route.access.catchesUp ? needs.store.catchUp() : undefined
  return news ? news.then(() => handle(route, call)) : handle(route, call)
}

function callOf(route: Route, c: HonoContext<Env>): Call {
  const { incoming, target, facts } = c.env
  const known = route.about.query
  return {
    params: route.path.includes(':') ? c.req.param() : {},
    query: known && target?.query ? queryOf(target.query, known) : {},
    header: (name) => {
      const value = incoming.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    facts,
  }
}

/**
 * @throws OAuthError 400 for a known parameter that is sent twice, because readers would differ in which one counts, and for
 * an empty one that must not be empty
 */
function queryOf(query: string, known: Readonly<Record<string, QueryParameter>>): Record<string, string> {
  const given = new URLSearchParams(query)
  return Object.fromEntries(
    Object.entries(known).flatMap(([name, { schema }]) => {
      const [value, second] = given.getAll(name)
      if (second !== undefined) throw invalidRequest(`${name} was sent more than once`)
      if (value === '' && schema?.minLength !== undefined)
        throw invalidRequest(`${name} is empty; leave it out, or name what is meant`)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** A POST without a body of its own has no members: what somebody sends would be ignored without a word. */
const NOTHING = schemaOf((z) => z.strictObject({}))

function bodyOf(route: Route, { incoming }: Context, bytes: Buffer | undefined): unknown {
  if (bytes === undefined) return undefined
  if (route.body === undefined)
    return bytes.length > 0 ? parseBody(parseJsonObject(incoming, bytes), NOTHING) : undefined
  const isLeftOut = route.isBodyOptional && incoming.headers['content-type'] === undefined
  const refusal = route.bodyRefusal === 'invalid_client_metadata' ? invalidClientMetadata : invalidRequest
  return parseBody(isLeftOut ? {} : parseJsonObject(incoming, bytes, refusal), route.body, refusal)
}

/** Sound: `route` tied the handler to the kind of call that `dispatch` makes for its access. */
const handle = (route: Route, call: Call): Outcome | Promise<Outcome> => route.handler(call as never)
