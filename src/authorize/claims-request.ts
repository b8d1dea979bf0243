/** The `claims` parameter (OIDC Core §5.5). Names that Signet does not know are no error: they are asked for in vain. */
import { readExactJson, JsonFault } from '../ground/exact-json.ts'
import type { ClaimsRequest } from '../store/records/authentication.ts'

export interface AskedClaims {
  claims: ClaimsRequest
  /** The values of `acr` that were asked for. */
  acrValues: string[]
  isAcrEssential: boolean
  /** The person that the answer has to be about; `null` for any. */
  sub: string | null
}

const MOST_NAMES = 100
const MOST_NAME_CHARACTERS = 256

const NO_CLAIMS: AskedClaims = {
  claims: { idToken: [], userinfo: [] },
  acrValues: [],
  isAcrEssential: false,
  sub: null,
}

/** @returns `undefined` where the text is no JSON object of objects */
export function readClaimsRequest(text: string | undefined): AskedClaims | undefined {
  if (text === undefined) return NO_CLAIMS
  const whole = parse(text)
  if (!isObject(whole)) return undefined
  const { id_token: idToken = {}, userinfo = {} } = whole
  if (!isObjectOrNull(idToken) || !isObjectOrNull(userinfo)) return undefined
  const inIdToken = idToken ?? {}
  const acr = isObject(inIdToken.acr) ? inIdToken.acr : {}
  const sub = isObject(inIdToken.sub) ? inIdToken.sub.value : undefined
  return {
    claims: { idToken: namesIn(inIdToken), userinfo: namesIn(userinfo ?? {}) },
    acrValues: valuesOf(acr),
    isAcrEssential: acr.essential === true && valuesOf(acr).length > 0,
    sub: typeof sub === 'string' ? sub : null,
  }
}

function parse(text: string): unknown {
  try {
    return readExactJson(text)
  } catch (error) {
    if (error instanceof JsonFault) return undefined
    throw error
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isObjectOrNull = (value: unknown): value is Record<string, unknown> | null => value === null || isObject(value)

const namesIn = (members: Record<string, unknown>): string[] =>
  Object.keys(members)
    .filter((name) => name.length <= MOST_NAME_CHARACTERS)
    .slice(0, MOST_NAMES)

const valuesOf = ({ value, values }: Record<string, unknown>): string[] =>
  [value, ...(Array.isArray(values) ? values : [])].filter((each) => typeof each === 'string').slice(0, MOST_NAMES)
