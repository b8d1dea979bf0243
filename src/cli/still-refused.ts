/** Says which blacklist entries refuse a client or person that was enabled. */
import type { Blacklist } from '../blacklist/match.ts'
import { causeOf } from '../store/records/blacklist.ts'
import { note } from './output.ts'

export function noteStillRefused(
  kind: 'sub' | 'client_id',
  value: string,
  { blacklist }: { blacklist: Blacklist },
): void {
  for (const entry of blacklist.listRefusing(kind, value)) {
    const lifting = causeOf(entry) === 'blacklist' ? `; lift it with: signet blacklist remove ${entry.id}` : ''
    note(`blacklist entry ${entry.id} stands, and refuses everything still${lifting}`)
  }
}
