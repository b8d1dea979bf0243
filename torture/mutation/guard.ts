/**
 * A guard of the source and what it is replaced by when it is taken out. Snippets are exact and occur once in
 * their file: `test/mutation-list.test.ts` holds the list to it, so a change of the source takes the list along.
 */

export interface Edit {
  /** From the root of the checkout. */
  file: string
  snippet: string
  replacement: string
}

export interface Guard {
  /** What it keeps from happening, or what it is the check of. */
  name: string
  /** More than one where guards stand behind each other: they fall together. */
  edits: Edit[]
  /** Test files of which at least one test must notice. */
  tests: string[]
}

/** A short name as a path: `cli/keys` is `test/cli/keys.test.ts`. */
const testFile = (name: string): string => `test/${name}.test.ts`

export const edit = (file: string, snippet: string, replacement: string): Edit => ({ file, snippet, replacement })

/** A guard that consists of several pieces. @param tests short names of test files */
export const layered = (name: string, edits: Edit[], ...tests: string[]): Guard => ({
  name,
  edits,
  tests: tests.map(testFile),
})

/** Lists guards of one file, most of which the same tests watch. @param usual short names of test files */
export const guardsIn =
  (file: string, ...usual: string[]) =>
  (name: string, snippet: string, replacement: string, ...tests: string[]): Guard =>
    layered(name, [edit(file, snippet, replacement)], ...(tests.length > 0 ? tests : usual))
