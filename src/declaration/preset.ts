/** The preset that a client of a declarative file names. */
import { choosePreset } from '../clients/presets/index.ts'
import type { ClientChange } from '../clients/client.ts'

/** The members of a preset; none where no preset is named, or where it cannot be had. */
export function presetOf(name: string | undefined, url: string | undefined): ClientChange {
  const chosen = name === undefined ? undefined : choosePreset(name, url)
  return !chosen || 'fault' in chosen ? {} : chosen.change
}
