/** The facts that an invitation is stored with. */
import type { OneTimeRecord } from '../store/records/one-time.ts'

export interface InvitationFacts {
  email: string | null
  groups: string[]
  /** Whether an administrator gave it, so that its groups may give rights in Signet. */
  isTrusted: boolean
  createdBy: string
}

/** Sound: only `Invitations` makes rows of this kind, with these facts. */
export const factsOf = ({ facts }: OneTimeRecord): InvitationFacts => facts as unknown as InvitationFacts
