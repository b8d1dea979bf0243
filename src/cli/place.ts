/**
 * The folder that a command line means. `npm run` and `./signet` enter the checkout, so that relative paths of the
 * configuration start there. Files and `file:` URLs that are given as arguments start at the folder of the caller.
 */
import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { InvalidArgumentError, type Argument, type Command, type Option } from 'commander'
import { shell } from '../ground/shell-word.ts'

const PACKAGE = resolve(import.meta.dirname, '../..')

/** The folder in which the command was typed: npm and `./signet` tell it in INIT_CWD. */
function callerFolder(): string {
  const { INIT_CWD: told = '' } = process.env
  // Elsewhere the variable belongs to the npm run of another project, whose script may have changed the folder since.
  return process.cwd() === PACKAGE && isAbsolute(told) ? told : process.cwd()
}

/** An absolute path, so that messages show the file that was tried. `-` stays a stream, where the help offers it. */
function atCaller(file: string, help: string): string {
  if (file === '') throw new InvalidArgumentError('Accepted: a path.')
  if (file !== '-') return resolve(callerFolder(), file)
  if (help.includes(' - ')) return file
  throw new InvalidArgumentError('Accepted: a path; this command takes no stream here.')
}

/** A relative `file:` URL of an argument as an absolute one; any other text as it is. */
export function urlAtCaller(url: string): string {
  const [, path] = /^file:(?!\/)(.+)$/is.exec(url) ?? []
  if (path === undefined) return url
  return `file:${callerFolder().split('/').map(encodeURIComponent).join('/')}/${path}`
}

/** Every argument `<file>` and every option with a `<file>` of a command and its subcommands starts at the caller's folder. */
export function startFilesAtCaller(command: Command): void {
  for (const argument of command.registeredArguments) if (argument.name() === 'file') readFirst(argument)
  for (const option of command.options) if (/[<[]file[\]>]/.test(option.flags)) readFirst(option)
  for (const each of command.commands) startFilesAtCaller(each)
}

/** The reader that the command has given sees the absolute path. */
function readFirst(given: Argument | Option): void {
  const read = given.parseArg
  given.argParser((file: string, before: unknown) => {
    const path = atCaller(file, given.description)
    return read ? read(path, before) : path
  })
}

/**
 * The command as a person types it: by its path in a checkout, where it runs in any folder; else by npx, in this folder.
 * For lines of a block that is pasted into a shell. Notes and faults say `signet`.
 */
export function ownCommand(): string {
  const script = join(PACKAGE, 'signet')
  return isCheckout() && existsSync(script) ? shell(script) : 'npx signet'
}

/** Whether the command enters the checkout by itself. An installed one takes the default places from the folder it runs in. */
export const isCheckout = (): boolean => import.meta.filename.endsWith('.ts')
