/** The step that helps where a resource is named that does not exist. */
import { hasOwnPrefix } from '../clients/client.ts'
import { nearest } from '../ground/nearest.ts'
import { shell } from '../ground/shell-word.ts'

/**
 * The fault, and the step that is really missing. The issuer is a resource that nobody makes: it is never advised to make
 * one for it, or for a slip of its URL.
 * @param scope the scope values that were asked for, where no other resource was named with it
 * @param word how a text stands in a command: for a terminal, unless said otherwise
 * @param known ids that the reader may see, to find the one that was meant
 */
export function describeMissingResource(
  id: string,
  issuer: string,
  {
    scope = [],
    known = [],
    word = shell,
  }: { scope?: readonly string[]; known?: readonly string[]; word?: (text: string) => string } = {},
): { fault: string; help: string } {
  const own = scope.find(hasOwnPrefix)
  const fault = `resource ${id} does not exist`
  if (own !== undefined) return { fault, help: `scope ${own} is one of the issuer, whose resource is ${issuer}` }
  if (isSlipOf(issuer, id)) return { fault, help: `the resource of the issuer is exactly ${issuer}` }
  return { fault: `${fault}${nearest(id, known)}`, help: `make it with: signet resource create ${word(id)}` }
}

/** Whether a URL is the issuer's but for its scheme, letter case or a slash at its end. */
function isSlipOf(issuer: string, id: string): boolean {
  const form = (url: string) => {
    const { host, pathname } = new URL(url)
    return host + (pathname.endsWith('/') ? pathname.slice(0, -1) : pathname)
  }
  return URL.canParse(id) && form(id) === form(issuer)
}
