/**
 * A preset: everything that one app needs to sign people in here. It holds the members of the client, and the block that
 * the operator pastes into the app. The block holds real values, so that nothing has to be looked up.
 */

/** The members of a client, by their names on the wire. */
export type PresetMetadata = Readonly<Record<string, unknown>>

/** Stands in notes for the `client_id`. */
export const CLIENT_ID = '{client_id}'

/** The values that a block is filled with. */
export interface PresetValues {
  issuer: string
  clientId: string
  /** Absent for a public client. */
  clientSecret: string | undefined
  /** Its `token_endpoint_auth_method`: the preset's own, or the one that a flag named. */
  authMethod: string
  /** The app's own address, without a slash at its end; empty where the app has none. */
  url: string
  redirectUris: readonly string[]
  /** The URL of an endpoint of this issuer. */
  at: (path: string) => string
  /** The brand's name, for the button in the app. */
  brand: string
}

export interface Preset {
  /** The name of the app, which people read when they sign in. */
  title: string
  /** The part of the app that the preset is for, where it has several ways in. */
  part?: string
  /** Whether the app has an address of its own, which `--url` gives. */
  hasUrl: boolean
  /** @param url without a slash at its end; empty where the app has none */
  metadata: (url: string) => PresetMetadata
  paste: (values: PresetValues) => string
  /** The resource that its tokens are for, where it needs one that no client makes. */
  resource?: { id: string; flags: string }
  /** Lines for the operator: each names a step that guides leave out. */
  notes: readonly string[]
}

export const SIGN_IN = ['authorization_code']
export const WITH_REFRESH = ['authorization_code', 'refresh_token']
export const PROFILE = 'openid profile email'
export const WITH_GROUPS = 'openid profile email groups'

/** The well-known address of the metadata. */
export const discoveryOf = ({ at }: PresetValues): string => at('/.well-known/openid-configuration')

/** `name: value` lines, as an editor of an app shows its boxes. */
export const boxes = (lines: readonly (readonly [box: string, value: string])[]): string =>
  lines.map(([box, value]) => `${box}: ${value}`).join('\n')
