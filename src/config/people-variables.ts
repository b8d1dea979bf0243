/** The variables of people who sign in, as rows of the table in variables.ts. */
import type { Variable } from './variable.ts'
import {
  duration,
  listOf,
  oneOf,
  parseColour,
  parseDomain,
  parseHostAndPort,
  parseLogo,
  parseTitle,
  parseWebUrl,
} from './parsers.ts'
import { LOCALES, type Setting } from './setting.ts'

const WEB_URL = 'an http or https URL'

export const PEOPLE_VARIABLES = {
  signUp: {
    name: 'SIGNET_SIGNUP',
    standard: 'invite',
    accepts: 'off, invite, domains or open',
    meaning:
      'who may make an account: nobody (`off`), the holder of an invitation, whoever types an address in `SIGNET_SIGNUP_DOMAINS` (nobody checks that it is theirs), or anybody (`open`)',
    parse: oneOf('off', 'invite', 'domains', 'open'),
  },
  signUpDomains: {
    name: 'SIGNET_SIGNUP_DOMAINS',
    standard: undefined,
    accepts: 'domains, separated by commas',
    meaning:
      'domains of mail addresses, separated by commas, for `SIGNET_SIGNUP=domains`; no proof that a person belongs to them',
    parse: listOf(parseDomain),
  },
  mfa: {
    name: 'SIGNET_MFA',
    standard: 'optional',
    accepts: 'off, optional or required',
    meaning: 'second factors: none, for whoever sets one up, or for everybody',
    parse: oneOf('off', 'optional', 'required'),
  },
  passwords: {
    name: 'SIGNET_PASSWORDS',
    standard: 'on',
    accepts: 'on or off',
    meaning: '`off`: people sign in with passkeys only',
    parse: (value) => (oneOf('on', 'off')(value) === undefined ? undefined : value === 'on'),
  },
  sessionTtlSeconds: {
    name: 'SIGNET_SESSION_TTL',
    standard: '30d',
    meaning: 'how long a person stays signed in at most',
    ...duration(1),
  },
  sessionIdleSeconds: {
    name: 'SIGNET_SESSION_IDLE',
    standard: '7d',
    meaning: 'how long a person stays signed in without using it',
    ...duration(1),
  },
  idTokenTtlSeconds: {
    name: 'SIGNET_ID_TOKEN_TTL',
    standard: '1h',
    meaning: 'life of an ID token, unless its client says otherwise',
    ...duration(1, 86_400),
  },
  outboundAllow: {
    name: 'SIGNET_OUTBOUND_ALLOW',
    standard: undefined,
    accepts: 'hosts, with a port or without, separated by commas',
    meaning:
      'hosts, with a port or without, separated by commas, that Signet may call although their addresses are private; plain http only to loopback',
    parse: listOf(parseHostAndPort),
  },
  rpId: {
    name: 'SIGNET_RP_ID',
    standard: undefined,
    accepts: "a domain: the issuer's host, or one that the host stands below",
    meaning:
      "the domain that passkeys are bound to, the issuer's host when not set; a change makes every passkey useless",
    parse: parseDomain,
  },
  brandName: {
    name: 'SIGNET_BRAND_NAME',
    standard: 'Signet',
    accepts: 'a name of at most 60 characters',
    meaning: 'the name that pages show',
    parse: parseTitle,
  },
  brandLogo: {
    name: 'SIGNET_BRAND_LOGO',
    standard: undefined,
    accepts: 'the path of an SVG, PNG, JPEG or WebP file of at most 100 KB, or an https URL',
    meaning: 'image that pages show: the path of an SVG, PNG, JPEG or WebP file of at most 100 KB, or an https URL',
    parse: parseLogo,
  },
  brandColor: {
    name: 'SIGNET_BRAND_COLOR',
    standard: '#0a6c5c',
    accepts: 'a colour such as #0a6c5c, with a contrast of 3:1 or more with white',
    meaning: 'colour of buttons and links: `#rrggbb`, with a contrast of 3:1 or more with white',
    parse: parseColour,
  },
  brandTermsUrl: {
    name: 'SIGNET_BRAND_TERMS_URL',
    standard: undefined,
    accepts: WEB_URL,
    meaning: 'terms of use, linked from every page',
    parse: parseWebUrl,
  },
  brandPrivacyUrl: {
    name: 'SIGNET_BRAND_PRIVACY_URL',
    standard: undefined,
    accepts: WEB_URL,
    meaning: 'privacy notice, linked from every page',
    parse: parseWebUrl,
  },
  brandHelpUrl: {
    name: 'SIGNET_BRAND_HELP_URL',
    standard: undefined,
    accepts: WEB_URL,
    meaning: 'help for people who cannot sign in, linked from every page',
    parse: parseWebUrl,
  },
  locale: {
    name: 'SIGNET_LOCALE',
    standard: 'en',
    accepts: LOCALES.join(', '),
    meaning: 'language of pages where the browser asks for none of `en`, `de` and `zh`',
    parse: oneOf(...LOCALES),
  },
} satisfies Partial<Record<Setting, Variable>>
