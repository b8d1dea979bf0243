/**
 * A variable of the environment: the source of its text (the variable, its `_FILE` form, the default), and the line
 * that refuses it. The line names the variable that was set.
 */
import { resolve } from 'node:path'
import { nearest } from '../ground/nearest.ts'
import { pathFault } from '../ground/path-name.ts'
import { hasLinkName, isServiceLink, WITHOUT_LINKS } from './service-links.ts'
import { lengthOf, shownValue } from './shown.ts'
import { MOST_SECRET_BYTES, readTextFile } from '../ground/text-file.ts'

export type Env = Record<string, string | undefined>

export interface Variable {
  name: string
  /** As it would be written; `undefined` for none. */
  standard: string | undefined
  accepts: string
  meaning: string
  /** Returns the typed value; or `undefined` or a `Refusal` where the text is not accepted. */
  parse: (text: string) => unknown
  /** Its value as messages show it, where it is a secret. */
  shown?: (text: string) => string
}

/** A text that is not accepted, and a clause that says why. */
export class Refusal {
  readonly why: string

  constructor(why: string) {
    this.why = why
  }
}

type Read = { value: unknown; setBy?: string; file?: string } | { fault: string }

/** The typed value of a variable, and the name of the variable that was set; or the line that refuses it. */
export function readVariable(env: Env, variable: Variable): Read {
  const source = findSource(env, variable)
  if ('fault' in source) return source
  const { text, setBy, file } = source
  if (text === undefined) return { value: undefined }
  const value = variable.parse(text)
  if (value === undefined || value instanceof Refusal) {
    const shown = (variable.shown ?? shownValue)(text)
    const but = value === undefined ? '' : `, but ${value.why}`
    return {
      fault: `${setBy ?? variable.name}: read ${shown}${but}; accepted: ${variable.accepts}${hintFor(setBy, text)}`,
    }
  }
  return { value, ...(setBy !== undefined && { setBy }), ...(file !== undefined && { file }) }
}

/** A port that has a scheme was most likely set by Kubernetes, in a form that is not known here. */
const hintFor = (setBy: string | undefined, text: string): string =>
  setBy !== undefined && hasLinkName(setBy) && text.includes('://')
    ? ` (if Kubernetes set it for a service: ${WITHOUT_LINKS})`
    : ''

type Source = { text: string | undefined; setBy?: string; file?: string } | { fault: string }

/**
 * The text of a variable without its line end and surrounding blanks: its own, else that of its `_FILE` form, else the
 * default. Empty means absent.
 */
function findSource(env: Env, variable: Variable): Source {
  const { name, standard } = variable
  const own = readOwn(env, name)
  const file = env[`${name}_FILE`]?.trim()
  if (own && file) return { fault: `${name} and ${name}_FILE are both set; accepted: one of them` }
  if (own) return { text: own, setBy: name }
  if (file) return readFileForm(variable, file)
  // Many platforms set it for every process, so that it counts less than what was set for Signet.
  const common = name === 'SIGNET_PORT' ? readOwn(env, 'PORT') : undefined
  return common ? { text: common, setBy: 'PORT' } : { text: standard }
}

/** `SIGNET_PORT` and `PORT` may be service links, which are passed over. */
function readOwn(env: Env, name: string): string | undefined {
  const text = env[name]?.trim()
  return text === undefined || isServiceLink(name, text) ? undefined : text
}

function readFileForm(variable: Variable, given: string): Source {
  const setBy = `${variable.name}_FILE`
  const why = pathFault(given)
  // The absolute path, so that the message shows the place that was tried.
  const file = why === undefined ? resolve(given) : given
  const read = why === undefined ? readTextFile(file, MOST_SECRET_BYTES) : { why: `is no path: ${why}` }
  const text = 'text' in read ? read.text.trim() : undefined
  if (text) return { text, setBy, file }
  const finding = 'why' in read ? read.why : 'is empty'
  const shown = isValueItself(variable, given) ? lengthOf(given) : shownPath(given, file)
  return { fault: `${setBy}: read ${shown}, which ${finding}; accepted: a readable file of at most 4 KB` }
}

/**
 * Whether a secret was given where the path of its file belongs. A long path is a possible token too. A key has an exact
 * length, and may begin with a slash.
 */
function isValueItself({ shown, parse }: Variable, given: string): boolean {
  const isAccepted = (text: string) => parse(text) !== undefined && !(parse(text) instanceof Refusal)
  if (shown === undefined || !isAccepted(given)) return false
  return !/^\.{0,2}\/[^/]+\//.test(given) || !isAccepted(given.slice(1))
}

/** A path as it was tried. The text of another value, such as a URL with a password, is shown as that value. */
const shownPath = (given: string, file: string): string =>
  /^\.{0,2}\//.test(given) ? JSON.stringify(file) : shownValue(/:\/\/|[@=]/.test(given) ? given : file)

/** A line for each `SIGNET_` variable that is none of these; service links of Kubernetes are passed over. */
export function findUnknown(env: Env, variables: Variable[]): string[] {
  const known = new Set(variables.flatMap(({ name }) => [name, `${name}_FILE`]))
  return Object.keys(env)
    .filter((name) => name.startsWith('SIGNET_') && !known.has(name) && !isServiceLink(name, env[name] ?? ''))
    .map((name) => {
      const hint = hasLinkName(name) ? ` (if Kubernetes set it for a service: ${WITHOUT_LINKS})` : nearest(name, known)
      return `${name} is not a variable of Signet${hint}`
    })
}
