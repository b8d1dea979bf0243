/** How much a sign-up says about its person. */
import type { Config } from './setting.ts'

/** The setting that asks people for an address of some domains. Signet sends no mail, so nobody proves to have the address. */
export const UNPROVEN_DOMAINS = {
  found:
    'SIGNET_SIGNUP=domains lets in anybody who types an address of SIGNET_SIGNUP_DOMAINS: Signet sends no mail, and nobody checks that it is theirs',
  fix: 'SIGNET_SIGNUP=invite lets in the people that you choose: signet invite EMAIL',
}

export const takesUnprovenDomains = ({ signUp }: Pick<Config, 'signUp'>): boolean => signUp === 'domains'
