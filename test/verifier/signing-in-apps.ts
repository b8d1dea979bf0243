/** The same app that people sign in to, behind Express, Fastify and Hono, and a browser's side of it. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { onTestFinished } from 'vitest'
import * as forExpress from '../../verifiers/node/src/express.ts'
import * as forFastify from '../../verifiers/node/src/fastify.ts'
import * as forHono from '../../verifiers/node/src/hono.ts'
import type { SignInOptions } from '../../verifiers/node/src/index.ts'

/** Each app has `/who` of its own, by GET and POST, beside the routes of the sign-in. */
const APPS: Record<string, (options: SignInOptions) => Promise<RequestListener>> = {
  async express(options) {
    const people = forExpress.signIn(options)
    onTestFinished(() => people.close())
    const app = express().use(people)
    app.all('/who', (request, response, next) => {
      people.signedIn(request).then((person) => response.json(person ?? null), next)
    })
    return app
  },
  async 'express behind parsers'(options) {
    const people = forExpress.signIn(options)
    onTestFinished(() => people.close())
    const app = express().use(express.json(), express.urlencoded(), people)
    app.all('/who', (request, response, next) => {
      people.signedIn(request).then((person) => response.json(person ?? null), next)
    })
    return app
  },
  async fastify(options) {
    const app = Fastify()
    await app.register(forFastify.signIn, options)
    app.route({
      method: ['GET', 'POST'],
      url: '/who',
      handler: async (request, reply) =>
        reply.type('application/json').send(JSON.stringify((await request.signedIn()) ?? null)),
    })
    await app.ready()
    onTestFinished(() => app.close())
    return (request, response) => app.routing(request, response)
  },
  async hono(options) {
    const people = forHono.signIn(options)
    onTestFinished(() => people.close())
    const app = new Hono().route('/', people)
    app.all('/who', async (c) => c.json((await people.signedIn(c)) ?? null))
    const listener = getRequestListener(app.fetch)
    return (request, response) => void listener(request, response)
  },
}

export const APP_NAMES = Object.keys(APPS)

/** Starts a server before its app is known, because the app has to know its own origin. */
async function startServer(): Promise<{ origin: string; serve(listener: RequestListener): void }> {
  let serving: RequestListener = (_request, response) => void response.writeHead(503).end()
  const server = createServer((request, response) => serving(request, response))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { origin, serve: (listener) => (serving = listener) }
}

export interface App {
  origin: string
  browser(): AppBrowser
}

/** @param optionsAt options of the sign-in, for the origin at which the server listens */
export async function startApp(name: string, optionsAt: (origin: string) => Promise<SignInOptions>): Promise<App> {
  const { origin, serve } = await startServer()
  serve(await APPS[name]!(await optionsAt(origin)))
  return { origin, browser: () => new AppBrowser(origin) }
}

export interface AppAnswer {
  status: number
  headers: Headers
  /** `Location`, resolved. */
  location: URL | undefined
  /** The JSON of the body, if it is JSON. */
  body: any
  text: string
}

/** A browser at the app: it keeps cookies, and follows no redirect. */
export class AppBrowser {
  readonly cookies = new Map<string, string>()
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  /** @param path of the app, or a whole URL */
  get(path: string | URL, headers: Record<string, string> = {}): Promise<AppAnswer> {
    return this.send(path, { headers })
  }

  post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<AppAnswer> {
    return this.send(path, { method: 'POST', body: new URLSearchParams(form), headers })
  }

  async send(path: string | URL, { headers, ...init }: RequestInit): Promise<AppAnswer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(new URL(path, this.#origin), {
      ...init,
      redirect: 'manual',
      headers: { ...(cookie !== '' && { cookie }), ...(headers as Record<string, string> | undefined) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const [name = '', value = ''] = pair.split('=')
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const text = await response.text()
    const location = response.headers.get('location')
    return {
      status: response.status,
      headers: response.headers,
      location: location === null ? undefined : new URL(location, this.#origin),
      body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined,
      text,
    }
  }
}
