/** The snippets, by the word behind `--for`. */
import { curl } from './curl.ts'
import { go } from './go.ts'
import { nginx } from './nginx.ts'
import { express, fastify, hono } from './node.ts'
import { openapi } from './openapi.ts'
import { python } from './python.ts'
import type { Facts, Snippet } from './snippet.ts'

export const SNIPPETS: Readonly<Record<string, (facts: Facts) => Snippet>> = {
  express,
  hono,
  fastify,
  python,
  go,
  nginx,
  curl,
  openapi,
}
