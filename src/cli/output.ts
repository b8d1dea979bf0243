/**
 * The output of commands. People get padded tables and field lists, programs get one JSON value. The result goes to
 * stdout, notes and faults to stderr.
 */
import { styleText } from 'node:util'
import type { Command } from 'commander'

/**
 * Prints a command's result, as JSON or for people.
 * @param ifLost the step that helps where the result cannot be written, for a result that is shown this once
 */
export function answer(command: Command, value: unknown, forPeople: () => string, ifLost?: string): void {
  const onError = (error: NodeJS.ErrnoException) => endUnwritten(error, ifLost)
  if (ifLost !== undefined) process.stdout.prependListener('error', onError)
  const text = command.optsWithGlobals().json === true ? JSON.stringify(value, null, 2) : forPeople()
  process.stdout.write(`${text}\n`, (error) => {
    if (!error) process.stdout.off('error', onError)
  })
}

/**
 * Ends the process after standard output failed. `signet client list | head -1` is no failure: the reader had enough. A
 * result that is shown this once is lost either way.
 */
export function endUnwritten(error: NodeJS.ErrnoException, ifLost?: string): never {
  if (error.code === 'EPIPE' && ifLost === undefined) process.exit(0)
  complain(
    `standard output cannot be written: ${error.message}`,
    ifLost ?? 'the command was carried out, and its result is not shown',
  )
  process.exit(1)
}

/** Answers with the changed record as JSON, or with a line that says what was done. */
export const answerDone = (command: Command, record: unknown, done: string): void =>
  answer(command, record, () => visible(done))

/** Prints a note beside the result. */
export function note(text: string): void {
  process.stderr.write(`note: ${visible(text)}\n`)
}

export function complain(fault: string, help?: string): void {
  const lines = fault.split('\n').map((line) => `signet: ${visible(line)}\n`)
  process.stderr.write(lines.join('') + (help === undefined ? '' : `  ${visible(help)}\n`))
}

/** A number with its noun: `1 grant`, `2 grants`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

export const bold = (text: string): string => styleText('bold', text, { stream: process.stdout })

const dim = (text: string): string => styleText('dim', text, { stream: process.stdout })

/** Shows control characters as escapes: values come from callers and tokens too, and a terminal would obey them. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)

/** A value on one line; an empty value as a dash. */
function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-'
  if (typeof value === 'string') return visible(value)
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cell).join(' ')
  return visible(JSON.stringify(value))
}

/** Rows under a heading, with padded columns; `empty` if there is no row. */
export function table(heading: string[], rows: unknown[][], empty: string): string {
  if (rows.length === 0) return empty
  const cells = rows.map((row) => row.map(cell))
  const widths = heading.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: string[]) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [bold(line(heading)), ...cells.map(line)].join('\n')
}

/** A list with a name and its value on each line. */
export function fieldList(values: Record<string, unknown>): string {
  const width = Math.max(...Object.keys(values).map((name) => name.length))
  return Object.entries(values)
    .map(([name, value]) => `${dim(name.padEnd(width))}  ${cell(value)}`)
    .join('\n')
}
