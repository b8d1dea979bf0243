/**
 * A route is a value: where it is, who may use it, what it takes and answers, and its handler. Everything about the
 * route is read from this value: authentication, limits, dispatch, and its description in OpenAPI.
 *
 * A handler is given values only, already read: it has no request to read a body from. So nothing arrives between the
 * judgement of a token and the act that the token allows.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type * as z from 'zod'
import type { Actor } from '../audit.ts'
import type { Caller } from '../clients/authentication.ts'
import type { OAuthErrorCode } from '../ground/errors.ts'
import type { Schema } from '../ground/schema.ts'
import type { AnswerShape, JsonSchema } from '../ground/shape.ts'
import type { AccessTokenClaims } from '../tokens/access-token.ts'
import type { Access } from './access.ts'
import type { Cookies } from './cookies.ts'
import type { Outcome, Reply } from './reply.ts'
import type { RequestFacts } from './request-facts.ts'
import type { Parameters } from './form.ts'
import type { SentParameters } from './sent.ts'
import type { KnownParameters } from './parameters.ts'

/** The values that every handler is given. */
export interface Call<Param extends string = string, Query extends string = string> {
  /** The parameters of the path, percent-decoded. */
  params: Readonly<Record<Param, string>>
  /** The parameters of the query that the route lists; the first value of each. */
  query: Readonly<Partial<Record<Query, string>>>
  header(name: string): string | undefined
  /** For the log line of the request. */
  facts: RequestFacts
}

/** The caller's token was judged after its body had arrived, in the same turn in which the handler is called. */
export interface ScopedCall<Body, Param extends string, Query extends string> extends Call<Param, Query> {
  body: Body
  /** Its `judge` throws unless the token is still good: the write of an act that had to wait asks it again. */
  actor: Actor
}

/** The client authenticated after its form had arrived. */
export interface ClientCall<Name extends string, Param extends string, Query extends string> extends Call<
  Param,
  Query
> {
  form: Parameters<Name>
  /** Its `current` is asked again in the turn in which something is granted. */
  caller: Caller
  actor: Actor
}

/** The access token was judged after the body had arrived. */
export interface HolderCall<Param extends string = string, Query extends string = string> extends Call<Param, Query> {
  token: AccessTokenClaims
  /** Throws unless the token is still good. An answer that had to wait asks it again. */
  judge: () => void
}

/** A call without authentication. Streams need the response itself. */
export interface OpenCall<Param extends string, Query extends string> extends Call<Param, Query> {
  incoming: IncomingMessage
  outgoing: ServerResponse
  /** For a handler that writes the response itself. */
  standardHeaders(): string[]
}

/** A browser asks. A form comes from a page of our own, unless the route takes foreign forms. */
export interface PageCall<Param extends string = string> extends Call<Param, never> {
  /** HEAD is answered by the route of GET. */
  method: 'GET' | 'HEAD' | 'POST'
  /** Of the query at GET, of the form at POST. */
  sent: SentParameters
  /** The members of a JSON body, where one was sent. */
  json: Readonly<Record<string, unknown>>
  cookies: Cookies
  /** Why the cookie of a sign-in did not come along: for the log line and the doctor. */
  whyNoCookie: () => string
  /** The network that the request comes from: an IPv4 address or an IPv6 /64. */
  network: string
}

/** A parameter of the query. */
export interface QueryParameter {
  says: string
  schema?: JsonSchema
}

/** The description of a route in OpenAPI. */
export interface About {
  /** The `operationId`. */
  id: string
  tag: string
  /** The summary, a single line. */
  says: string
  /** More lines. */
  tells?: string
  /** By status. */
  answers: Record<number, AnswerShape>
  /** Refusals beside those that follow from `access` and the body. */
  refuses?: readonly (OAuthErrorCode | 404 | 409)[]
  /** Of each parameter of the path: what it is, and an example as it stands in a path. */
  params?: Record<string, { says: string; example: string }>
  /** Headers that the route looks at. */
  headers?: Record<string, QueryParameter>
  query?: Readonly<Record<string, QueryParameter>>
  /** Of the body; of a form one for each kind of request. */
  example?: unknown
  examples?: Record<string, { summary: string; value: Record<string, string> }>
  required?: readonly string[]
}

/** How a route reads its body; at most one of `body` and `form`. */
export interface BodyTerms {
  /** A JSON object. */
  body?: Schema | undefined
  /** Whether the body may be left out; then the schema reads an empty object. */
  isBodyOptional?: boolean | undefined
  /** The code of a refusal by the schema. */
  bodyRefusal?: 'invalid_request' | 'invalid_client_metadata' | undefined
  form?: KnownParameters | undefined
  /** Whether a JSON object with the same members is taken for the form. */
  isFormOrJson?: boolean | undefined
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export interface Route extends BodyTerms {
  method: Method
  /** `:name` stands for a segment. */
  path: string
  access: Access
  about: About
  handler: (call: never) => Outcome | Promise<Outcome>
  /** Makes the response to an error, for a route whose callers read pages. */
  onError?: ErrorPage | undefined
}

/**
 * @param asked the request, as far as it was read
 * @param reply to the error as a program reads it; its status and headers hold for the page too
 */
export type ErrorPage = (error: unknown, asked: Asked, reply: Reply) => Reply | Promise<Reply>

/** A request as far as an error page needs it. */
export interface Asked {
  facts: RequestFacts
  header(name: string): string | undefined
}

export type ParamsOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamsOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

type CallOf<Kind, Path extends string, Body, Name extends string, Query extends string> = Kind extends 'scope'
  ? ScopedCall<Body, ParamsOf<Path>, Query>
  : Kind extends 'client'
    ? ClientCall<Name, ParamsOf<Path>, Query>
    : Kind extends 'holder'
      ? HolderCall<ParamsOf<Path>, Query>
      : Kind extends 'page'
        ? PageCall<ParamsOf<Path>>
        : OpenCall<ParamsOf<Path>, Query>

type Spec<Path extends string, Kind extends Access['kind'], Body, Name extends string, Query extends string> = Partial<
  Record<'get' | 'post' | 'patch' | 'delete', Path>
> &
  About & {
    access: Access & { kind: Kind }
    body?: Schema<z.ZodType<Body>>
    isBodyOptional?: boolean
    bodyRefusal?: BodyTerms['bodyRefusal']
    form?: KnownParameters<Name>
    isFormOrJson?: boolean
    onError?: ErrorPage
    query?: Readonly<Record<Query, QueryParameter>>
  }

/** Makes a route; the types of its handler follow from its terms. */
export function route<
  const Path extends string,
  const Kind extends Access['kind'],
  Body = undefined,
  Name extends string = never,
  Query extends string = never,
>(
  spec: Spec<Path, Kind, Body, Name, Query>,
  handler: (call: CallOf<Kind, Path, Body, Name, Query>) => Outcome | Promise<Outcome>,
): Route {
  const {
    get,
    post,
    patch,
    delete: remove,
    access,
    body,
    isBodyOptional,
    bodyRefusal,
    form,
    isFormOrJson,
    onError,
  } = spec
  const path = get ?? post ?? patch ?? remove
  if (path === undefined) throw new Error(`route ${spec.id} has no path`)
  const method = get ? 'GET' : post ? 'POST' : patch ? 'PATCH' : 'DELETE'
  return { method, path, access, about: spec, body, isBodyOptional, bodyRefusal, form, isFormOrJson, handler, onError }
}

/** Whether the handler of a route waits for a body. An act without a body of its own waits too, to refuse one that came. */
export const takesBody = ({ body, form, access, method }: Route): boolean =>
  body !== undefined || form !== undefined || (method === 'POST' && (access.kind === 'page' || access.kind === 'scope'))
