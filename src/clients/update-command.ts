/** The command that changes a list of a client's metadata, for messages that say how to repair a refusal. */
import { shell } from '../ground/shell-word.ts'

/** @param values the whole list, because an update replaces it */
export const updateCommand = (clientId: string, flag: string, values: readonly string[]): string =>
  `signet client update ${shell(clientId)}${values.map((value) => ` ${flag} ${shell(value)}`).join('')}`
