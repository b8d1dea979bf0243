/** Loaded before Signet: notes each module that the process loads, one path a line, in the file TRACE_MODULES. */
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.TRACE_MODULES ?? '', `${url}\n`)
    return next(url, context)
  },
})
