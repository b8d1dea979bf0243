/** The sign-ins that a restore ends, told to people. */
import type { SignInsEnded } from '../store/records/session.ts'
import { counted, note } from './output.ts'

export const signInsEndedText = ({ sessions, signIns, oneTimeValues, consents }: SignInsEnded): string =>
  `so were ${counted(sessions, 'session')}, ${counted(signIns, 'sign-in')} under way, ` +
  `${counted(oneTimeValues, 'unused code')} or link, and ${counted(consents, 'consent')}`

/** Invitations are not made again by people themselves. */
export function noteInvitations({ invitations }: SignInsEnded): void {
  if (invitations > 0) note(`${counted(invitations, 'unused invitation')} ended too: send new ones with signet invite`)
}
