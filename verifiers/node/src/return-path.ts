/** The path to which a person goes after signing in: a path of the app and nothing else, so that no link leads elsewhere. */
import { SignInFault } from './sign-in-fault.ts'

const MOST_CHARACTERS = 2000

/** Browsers read `\` as `/`, and leave out tabs and line breaks. */
const PLAIN = /^\/(?![/\\])[\x21-\x5B\x5D-\x7E]*$/

/** A sign-in or sign-out must not be started by the end of a sign-in. */
const OWN = /^\/auth(\/|$)/i

/** @param given the parameter `return_to` @throws SignInFault `invalid_request` */
export function readReturnPath(given: string | undefined, publicOrigin: string): string {
  if (given === undefined) return '/'
  const place = PLAIN.test(given) && given.length <= MOST_CHARACTERS ? new URL(given, publicOrigin) : undefined
  // The parsed path has no dot segments, so neither `/./auth` nor `/.//host` hides in it.
  if (place?.origin === publicOrigin && !place.pathname.startsWith('//') && !OWN.test(decoded(place.pathname)))
    return place.pathname + place.search + place.hash
  throw new SignInFault('invalid_request', 'return_to is a path of this app, such as /orders, and none below /auth')
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
