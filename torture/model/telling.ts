/** Sequences that chance seldom finds, tried first. */
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
  // What was consumed stays consumed, whatever becomes of the process.
  [issue, use, use, { act: 'kill' }, pass(120), replay, { act: 'look' }, use],
  // A client that is registered anew owes nothing to the one that had its id, disabled as that may have been.
  [issue, of('disable'), of('delete'), of('create'), issue, use, { act: 'restart' }, use],
  [issue, of('delete'), of('create'), use, issue, of('delete'), use],
  // What a client has revoked stays revoked when an administrator's entry for the same thing is lifted.
  denied('access'),
  denied('refresh'),
  // The spare of a revoked key signs, and its spare after it.
  [issue, { act: 'revoke-key', back: 3 }, issue, { act: 'revoke-key', back: 2 }, issue, { act: 'kill' }, issue],
]
