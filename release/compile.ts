/**
 * The compiled program, as a package holds it. Run by itself (`release/compile.ts OUT [COMMIT]`), it compiles for
 * `npm run build`.
 */
import { cpSync, globSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readCommit } from '../src/ground/version.ts'
import { ROOT, run } from './tools.ts'

/** Templates that commands print. The compiler leaves out what is no TypeScript. */
const TEMPLATES = 'src/cli/snippets'

/**
 * @param out a folder, emptied first
 * @param commit its first twelve digits stand in `out`, for a program that has no git to ask
 */
export function compile(out: string, commit: string | undefined): void {
  rmSync(out, { recursive: true, force: true })
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--outDir', out])
  const files = globSync('**/*.*', { cwd: join(ROOT, TEMPLATES), exclude: ['**/*.ts'] })
  for (const file of files) cpSync(join(ROOT, TEMPLATES, file), join(out, 'cli/snippets', file))
  if (commit !== undefined) writeFileSync(join(out, 'commit'), `${commit.slice(0, 12)}\n`)
}

if (import.meta.main) {
  const [, , out = 'dist', commit = readCommit()] = process.argv
  compile(resolve(out), commit)
}
