/**
 * Refuses an empty argument and an empty option, whichever command it is given to: mostly it is a shell variable that is
 * not set. As a filter or a name it would stand for everything, or for nothing.
 */
import type { Command, Option } from 'commander'
import { UsageError } from './usage.ts'

const emptiable = new WeakSet<Option>()

/** Lets an option be empty: it sets a field, and an empty value empties the field. */
export function mayBeEmpty(option: Option): Option {
  emptiable.add(option)
  return option
}

/** @throws UsageError that names the argument or the option */
export function requireNoEmptyValue(command: Command): void {
  const argument = command.args.findIndex((word) => word === '')
  if (argument >= 0) {
    const { registeredArguments: known } = command
    throw emptyValue(`<${(known[argument] ?? known.at(-1))?.name() ?? 'argument'}>`)
  }
  for (const option of command.options) {
    const name = option.attributeName()
    if (command.getOptionValueSource(name) !== 'cli' || emptiable.has(option)) continue
    const value: unknown = command.getOptionValue(name)
    if ([value].flat().includes('')) throw emptyValue(option.long ?? option.flags)
  }
}

const emptyValue = (name: string): UsageError =>
  new UsageError(`${name} is empty`, 'is a shell variable not set? leave it out, or name what is meant')
