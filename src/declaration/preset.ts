/** The preset that a client of a declarative file names. */
import { choosePreset, presetMetadata } from '../clients/presets/index.ts'
import type { ClientChange } from '../clients/registration.ts'
import { clientChangeSchema, toClientChange } from '../clients/wire.ts'

/** The members of a preset; none where no preset is named, or where it cannot be had. */
export function presetOf(name: string | undefined, url: string | undefined): ClientChange {
  const chosen = name === undefined ? undefined : choosePreset(name, url)
  if (!chosen || 'fault' in chosen) return {}
  return { ...toClientChange(clientChangeSchema.zod.parse(presetMetadata(chosen))), preset: chosen.name }
}
