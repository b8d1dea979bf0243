/** Commands below a noun, such as `signet client show ID`, each with an example in its help. */
import type { Command } from 'commander'

/** Shows an example in the help of a command. @param line the words behind the name of `noun` */
export const withExample = (command: Command, line: string, noun = command): Command =>
  command.addHelpText('after', `\nExample:\n  signet ${noun.name()} ${line}`)

/**
 * @param usage the name with its arguments, as commander reads them: `show <id>`
 * @param says a line for the help
 * @param line the words of the example behind the noun: `show orders`
 */
export const subcommand = (noun: Command, usage: string, says: string, line: string): Command =>
  withExample(noun.command(usage).description(says), line, noun)
