/**
 * A token as somebody pasted it: what stands around it, whether it is a JWT at all, and which kind of token
 * it is. Most tokens that an API refuses are good ones, sent wrongly, or good ones of another kind.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { JsonFault, describePath, findFaults, readDigits } from '../ground/exact-json.ts'
import { CLIENT_SECRET_PREFIX } from '../ground/looks-secret.ts'
import { bad, good, shown, type Check, type Members } from './check.ts'

/** Something around or inside a token that does not belong to it. */
interface Litter {
  what: string
  fix: string
}

const ONE_LINE =
  "the token goes on one line: where it is read from a file or a secret store, take breaks out (tr -d '\\n')"
const NO_SPACE = 'a token holds no spaces: take them out where it is read or put together'

const BREAK_AROUND: Litter = { what: 'a line break around it', fix: ONE_LINE }
const SPACE_AROUND: Litter = { what: 'whitespace around it', fix: NO_SPACE }
const BREAK_INSIDE: Litter = { what: 'a line break inside it', fix: ONE_LINE }
const SPACE_INSIDE: Litter = { what: 'whitespace inside it', fix: NO_SPACE }
const QUOTES: Litter = {
  what: 'quotes around it',
  fix: 'take the quotes away; .env files and some shells keep them as part of the value',
}
const ESCAPES: Litter = {
  what: 'percent-encoding in it',
  fix: 'decode it: percent-encoding belongs into a URL or a form, and a header takes the token as it is',
}

const WHOLE_REPLY: Litter = {
  what: 'the rest of a token reply around it',
  fix: 'an API takes the value of access_token alone',
}
/** The token in a reply of the token endpoint, in what `signet token mint` prints, and in a fragment. */
const IN_REPLY = /access_token[^\w.-]{1,20}(eyJ[\w-]+\.[\w-]+\.[\w-]+)/

/** Words in front of a token, in small letters; some count only with space behind them. */
const WORDS: readonly (Litter & { word: string; isApart: boolean })[] = [
  {
    word: 'authorization:',
    isApart: false,
    what: '"Authorization:" in front',
    fix: 'that is the name of the header; its value is: Bearer TOKEN',
  },
  {
    word: 'bearer',
    isApart: true,
    what: '"Bearer" in front',
    fix: 'the word stands in the header once: where your client adds it, give it the token alone',
  },
]

/** Longer ones do not fit into the headers of a request, and are not looked at. */
const MOST_CHARACTERS = 65_536

/** A text that is encoded more often than this was not encoded by mistake. */
const MOST_DECODINGS = 3

/** A token freed from what is around it. */
export interface Pasted {
  token: string
  /** The part that was taken away. */
  removed: Litter[]
}

export function cleanPaste(text: string): Pasted {
  if (text.length > MOST_CHARACTERS) return { token: text, removed: [] }
  const [, inReply] = IN_REPLY.exec(text) ?? []
  if (inReply !== undefined) return { token: inReply, removed: [WHOLE_REPLY] }
  const removed = new Set<Litter>()
  let token = withoutSurroundings(text, removed)
  for (let round = 0; round < MOST_DECODINGS; round++) {
    const decoded = decodeEscapes(token)
    if (decoded === token) break
    removed.add(ESCAPES)
    token = withoutSurroundings(decoded, removed)
  }
  return { token: withoutInnerSpace(token, removed), removed: [...removed] }
}

const QUOTE_MARKS = ['"', "'", '`']

const hasBreak = (run: string): boolean => run.includes('\n') || run.includes('\r')

/**
 * Takes away space, words and quotes around a token until none is left. Each step looks at the ends alone: a pattern
 * would look at a long run of space from every place in it.
 */
function withoutSurroundings(text: string, removed: Set<Litter>): string {
  for (let rest = text; ;) {
    const less = withoutQuotes(withoutWord(trimmed(rest, removed), removed), removed)
    if (less.length === rest.length) return rest
    rest = less
  }
}

function trimmed(text: string, removed: Set<Litter>): string {
  const inFront = text.slice(0, text.length - text.trimStart().length)
  const behind = text.slice(text.trimEnd().length)
  for (const run of [inFront, behind]) if (run !== '') removed.add(hasBreak(run) ? BREAK_AROUND : SPACE_AROUND)
  return text.trim()
}

function withoutWord(text: string, removed: Set<Litter>): string {
  const found = WORDS.find(
    ({ word, isApart }) =>
      text.slice(0, word.length).toLowerCase() === word && (!isApart || /^\s/.test(text.slice(word.length))),
  )
  if (!found) return text
  removed.add(found)
  return text.slice(found.word.length).trimStart()
}

function withoutQuotes(text: string, removed: Set<Litter>): string {
  const start = QUOTE_MARKS.includes(text.at(0) ?? '') ? 1 : 0
  const end = QUOTE_MARKS.includes(text.at(-1) ?? '') ? 1 : 0
  if (start + end > 0) removed.add(QUOTES)
  return text.slice(start, text.length - end)
}

/** The text without percent-encoding, or the text itself where it is not encoded. Some encoders write a space as `+`. */
function decodeEscapes(text: string): string {
  if (!/%[\da-f]{2}/i.test(text)) return text
  try {
    return decodeURIComponent(text.replace(/^bearer\+/i, 'Bearer '))
  } catch {
    return text
  }
}

function withoutInnerSpace(token: string, removed: Set<Litter>): string {
  const runs = token.match(/\s+/g) ?? []
  if (runs.some(hasBreak)) removed.add(BREAK_INSIDE)
  if (!runs.every(hasBreak)) removed.add(SPACE_INSIDE)
  return token.replace(/\s+/g, '')
}

const listOf = ({ removed }: Pasted): string => removed.map(({ what }) => what).join(', ')

/** Tells the mistakes of pasting. An API that gets the token in this form refuses it, although it may be good. */
export function checkPaste(pasted: Pasted): Check[] {
  if (pasted.removed.length === 0) return []
  const fix = [...new Set(pasted.removed.map((litter) => litter.fix))].join('; ')
  return [bad('paste', `it was given with ${listOf(pasted)}; what follows is about the token without that`, fix)]
}

export const describeRemoved = (pasted: Pasted): string =>
  pasted.removed.length > 0
    ? ` (pasted with ${listOf(pasted)}: left out here, and to be left out where it is sent)`
    : ''

export interface Decoded {
  form: Check
  header: Members | null
  claims: Members | null
}

/** Reads header and claims of a JWT of any signer. */
export function decodeToken(pasted: Pasted): Decoded {
  const { token } = pasted
  const parts = token.length > MOST_CHARACTERS ? 0 : token.split('.').length
  const noJwt = (found: string): Decoded => ({
    form: bad('form', found, 'paste the whole value of access_token'),
    header: null,
    claims: null,
  })
  if (token.length > MOST_CHARACTERS)
    return noJwt(`${token.length} characters: no API takes a token of more than ${MOST_CHARACTERS}`)
  if (parts !== 3 || token === '') return noJwt(describeNoJwt(token, parts))
  try {
    decodeProtectedHeader(token)
    decodeJwt(token)
  } catch {
    return noJwt('three parts as in a JWT, but they cannot be decoded: characters are missing or changed')
  }
  const [header64 = '', claims64 = ''] = token.split('.')
  try {
    const [header, claims] = [readPart(header64), readPart(claims64)]
    const found = `a JWT of ${token.length} characters${describeRemoved(pasted)}${describeChanged(claims64)}`
    return { form: good('form', found), header, claims }
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    return noJwt(`a JWT whose members are ${error.message}, as in no honest one`)
  }
}

const textOf = (part: string): string => Buffer.from(part, 'base64url').toString('utf8')

/** jose has decoded it before, and made sure that it is an object. */
const readPart = (part: string): Members => ({ ...(readDigits(textOf(part)) as Members) })

const MOST_CHANGED_SHOWN = 3

/** Claims that JSON readers take differently. The token may be good, and an API may read other values than its maker wrote. */
const describeChanged = (part: string): string =>
  [...findFaults(textOf(part))]
    .slice(0, MOST_CHANGED_SHOWN)
    .map(({ path, message }) => `; claim ${describePath(path)}: ${message}`)
    .join('')

function describeNoJwt(token: string, parts: number): string {
  if (token === '') return 'nothing was given'
  if (parts === 5) return 'an encrypted token (JWE); Signet issues none'
  if (token.startsWith(CLIENT_SECRET_PREFIX)) return 'a client secret, not a token'
  if (token.startsWith('eyJ')) return `the beginning of a JWT: it has ${parts} of 3 parts, the rest was cut off`
  return `no JWT: it has ${parts} part${parts === 1 ? '' : 's'}, not 3`
}

const USE_ACCESS_TOKEN = 'send the value of access_token, from the same response of the token endpoint'

/** A refresh token, wherever an access token is expected. */
export const refreshTokenForApi = (): Check =>
  bad('kind', 'a refresh token: it is for the token endpoint alone, APIs take access tokens', USE_ACCESS_TOKEN)

/** Header types of other JWTs (IANA media types), none of which an API takes as a token. */
const OTHER_KINDS: Readonly<Record<string, string>> = {
  'logout+jwt': 'a logout token',
  'dpop+jwt': 'a DPoP proof; the token is in the Authorization header, behind the word DPoP',
  'secevent+jwt': 'a security event',
  'token-introspection+jwt': 'an answer of introspection',
  'client-authentication+jwt': 'a client assertion; it is for the token endpoint alone',
}

/** Which kind of token it is, by what only that kind carries. @param isClient whether an id is a client's */
export function checkKind(header: Members, claims: Members, isClient: (id: string) => boolean = () => false): Check {
  const typ = shown(header.typ).toLowerCase().replace('application/', '')
  const other = OTHER_KINDS[typ]
  if (other !== undefined) return bad('kind', other, USE_ACCESS_TOKEN)
  // Keycloak names the kind in a claim.
  if (claims.typ === 'Refresh' || claims.typ === 'Offline') return refreshTokenForApi()
  const sign = typ === 'at+jwt' ? undefined : findIdTokenSign(claims, isClient)
  if (sign === undefined) return good('kind', 'an access token')
  return bad(
    'kind',
    `an ID token (${sign}): it tells a client who signed in, APIs take access tokens`,
    USE_ACCESS_TOKEN,
  )
}

/** OIDC Core §2: claims that only ID tokens have, or an `aud` that is the client itself. */
function findIdTokenSign(claims: Members, isClient: (id: string) => boolean): string | undefined {
  if (claims.typ === 'ID') return 'its claim typ is ID'
  const own = ['nonce', 'at_hash', 'c_hash', 's_hash'].find((name) => name in claims)
  if (own !== undefined) return `it has ${own}`
  const [audience, ...more] = [claims.aud].flat()
  if (typeof audience !== 'string' || more.length > 0) return undefined
  const isOwnClient = 'scope' in claims ? false : claims.azp === audience || claims.client_id === audience
  return isOwnClient || isClient(audience) ? `its aud is the client ${audience}` : undefined
}
