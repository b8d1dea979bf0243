/** Paths and `file:` URLs as an operator writes them. Only the text is looked at, never the disk. */

export type Reading<T> =
  | { value: T }
  /** Why the text is refused: a clause after "but". */
  | { why: string }

/**
 * Why a text is not accepted as a path; `undefined` where it is. Quotes come from files of variables, in which they
 * are part of the value (`docker run --env-file`); `~` and `$HOME` are a shell's business, and no shell has been here.
 */
export function pathFault(path: string): string | undefined {
  if (/\p{Cc}/u.test(path)) return 'a path has no control characters'
  if (/^\s|\s$/.test(path)) return 'a path has no blanks at its ends'
  if (/["']/.test(path)) return 'a path is written without quotes'
  if (path.startsWith('~')) return '~ is not expanded here: write the whole path'
  if (/\$[{(A-Za-z_]/.test(path)) return 'variables are not expanded here: write the whole path'
  return undefined
}

/**
 * The path of a SQLite URL (https://sqlite.org/uri.html): `file:data/signet.db`, `file:/data/signet.db`,
 * `file:///data/signet.db`, `file://localhost/data/signet.db`. All forms decode `%20`. Of the parameters only `mode=rwc`
 * is accepted, which is how Signet opens a database anyway.
 */
export function readFileUrl(url: string): Reading<string> {
  const [, rest] = /^file:(.*)$/is.exec(url) ?? []
  if (rest === undefined) return { why: 'it does not begin with file:' }
  const [, encoded = '', query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(rest) ?? []
  if (fragment !== undefined) return { why: 'it has a fragment; # in a path is written %23' }
  if (query !== undefined && !/^(mode=rwc)?$/.test(query))
    return { why: 'of the parameters only mode=rwc is accepted; ? in a path is written %3F' }
  const local = withoutAuthority(encoded)
  if (local === undefined)
    return {
      why: 'after // comes a host, which has to be localhost or empty: file:///data/signet.db, or file:data/signet.db',
    }
  return decodePath(local)
}

/** `//localhost/path` and `///path` name the same file as `/path`. */
function withoutAuthority(encoded: string): string | undefined {
  if (!encoded.startsWith('//')) return encoded
  const slash = encoded.indexOf('/', 2)
  const host = encoded.slice(2, slash < 0 ? undefined : slash).toLowerCase()
  return slash > 0 && (host === '' || host === 'localhost') ? encoded.slice(slash) : undefined
}

function decodePath(encoded: string): Reading<string> {
  if (/%2f/i.test(encoded)) return { why: 'a / in a path is not written %2F' }
  let path: string
  try {
    path = decodeURIComponent(encoded)
  } catch {
    return { why: 'it has a % that begins no escape; % in a path is written %25' }
  }
  if (path.startsWith(':memory:')) return { why: 'a database in memory would be lost at every stop' }
  if (path === '' || /(^|\/)\.{0,2}$/.test(path)) return { why: 'it names no file' }
  const why = pathFault(path)
  return why === undefined ? { value: path } : { why }
}
