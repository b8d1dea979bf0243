/**
 * Starts an example by its name: `npm run example -- digital-seal`.
 *
 * Examples import `signet-verify` as any API does. In this checkout that name leads to the source of the package, so that
 * nothing has to be built first. In a project of your own, `npm install signet-verify` installs the package.
 */
import { existsSync, readdirSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'

const names = readdirSync(import.meta.dirname).filter((name) => existsSync(join(import.meta.dirname, name, 'main.ts')))
const name = process.argv[2] ?? ''

if (names.includes(name)) {
  registerHooks({
    resolve(specifier, context, next) {
      const [, entry] = /^signet-verify(?:\/(\w+))?$/.exec(specifier) ?? [undefined, undefined]
      if (!specifier.startsWith('signet-verify')) return next(specifier, context)
      return next(new URL(`../verifiers/node/src/${entry ?? 'index'}.ts`, import.meta.url).href, context)
    },
  })
  await import(`./${name}/main.ts`)
} else {
  console.error(`no example is called '${name}'; start one of them as: npm run example -- ${names.join(' | ')}`)
  process.exitCode = 2
}
