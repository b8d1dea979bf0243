/** Options that are given twice. Commander keeps the last value and forgets the others without a word. */
import type { Command, Option } from 'commander'
import { UsageError, collect } from './usage.ts'

/**
 * Makes a second value of an option bad usage, for a command and its subcommands, unless the option collects its values.
 * A flag without a value may be repeated. A flag and its negation exclude each other.
 */
export function refuseGivenTwice(command: Command): void {
  const given = new Map<string, Option>()
  for (const option of command.options)
    if (!isRepeatable(option))
      command.on(`option:${option.name()}`, () => {
        refuseSecond(given.get(option.attributeName()), option)
        given.set(option.attributeName(), option)
      })
  for (const each of command.commands) refuseGivenTwice(each)
}

const isRepeatable = ({ parseArg }: Option): boolean => parseArg === collect

/** @throws UsageError that names the option, never its values: they may be secrets */
function refuseSecond(before: Option | undefined, option: Option): void {
  if (before === undefined) return
  if (before !== option) throw new UsageError(`${flagOf(before)} and ${flagOf(option)} exclude each other`)
  if (option.required || option.optional)
    throw new UsageError(`${flagOf(option)} is given twice, and takes one value`, helpOf(option))
}

const flagOf = ({ long, flags }: Option): string => long ?? flags

/** A list of scopes is one value. */
const helpOf = ({ flags }: Option): string | undefined =>
  flags.includes('<scopes>') ? 'several scopes are one value: --scope "a b"' : undefined
