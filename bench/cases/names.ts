/** The cases, in the order of a run: a case that needs the whole machine runs before the sides are started. */
export const CASE_NAMES = [
  'cold-start',
  'token-es256',
  'token-rs256',
  'refresh',
  'jwks',
  'metadata',
  'introspect',
  'introspect-once',
  'revoke',
  'people',
  'logging',
  'saturation',
  'tail',
  'memory',
  'blacklist',
  'growth',
] as const

export type CaseName = (typeof CASE_NAMES)[number]
