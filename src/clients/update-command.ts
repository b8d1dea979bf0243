/** The command that changes a list of a client's metadata, for messages that say how to repair a refusal. */
import { wordOr } from '../ground/shell-word.ts'

/** @param values the whole list, because an update replaces it */
export function updateCommand(clientId: string, flag: string, values: readonly string[]): string {
  const placeholder = (flag.split('-').at(-1) ?? flag).toUpperCase()
  const given = values.map((value) => ` ${flag} ${wordOr(placeholder, value)}`)
  return `signet client update ${wordOr('ID', clientId)}${given.join('')}`
}
