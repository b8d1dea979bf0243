/** Sequences that chance seldom finds. They are tried first. */
import type { Command } from './command.ts'

const issue: Command = { act: 'issue', client: 0, person: 0, offline: true }
const use: Command = { act: 'refresh', back: 0, generationsBack: 0, stolen: false }
const replay: Command = { act: 'refresh', back: 0, generationsBack: 1, stolen: false }
const pass = (seconds: number): Command => ({ act: 'advance', seconds })
const of = (act: 'disable' | 'enable' | 'delete' | 'create'): Command => ({ act, client: 0 })
const denied = (what: 'access' | 'refresh'): Command[] => [
  issue,
  { act: 'deny-token', what, back: 0 },
  { act: 'revoke', what, back: 0 },
  { act: 'lift', back: 0 },
]

export const TELLING: Command[][] = [
  // The grace is counted from the rotation, not from the repetition.
  [issue, use, pass(60), replay, pass(60), replay, use],
  // A used token stays used, even if the process is killed.
  [issue, use, use, { act: 'kill' }, pass(120), replay, { act: 'look' }, use],
  // A new client inherits nothing from a deleted client with the same id, not even that it was disabled.
  [issue, of('disable'), of('delete'), of('create'), issue, use, { act: 'restart' }, use],
  [issue, of('delete'), of('create'), use, issue, of('delete'), use],
  // A token that a client revoked stays revoked when an administrator's entry for the same token is lifted.
  denied('access'),
  denied('refresh'),
  // The next key signs after a revoked key, and the key after that signs when it is revoked, too.
  [issue, { act: 'revoke-key', back: 3 }, issue, { act: 'revoke-key', back: 2 }, issue, { act: 'kill' }, issue],
]
