/** The Go module of `verifiers/go` as the zip that Go's module proxies serve (go.dev/ref/mod#zip-files). */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from './source.ts'
import { ROOT, ReleaseFault, run, type Skipped } from './tools.ts'

const FOLDER = 'verifiers/go'

export interface GoModule {
  /** The module's path, such as `example.com/signetverify`. */
  path: string
  /** The version as Go writes it, such as `v0.2.0`. */
  version: string
  /** The zip's name in the release. */
  name: string
}

/** @throws ReleaseFault where `go.mod` names no module */
export function zipGoModule({ version, commit, committedAt }: Source, out: string): GoModule | Skipped {
  const file = join(ROOT, FOLDER, 'go.mod')
  if (!existsSync(file)) return { skipped: `${FOLDER} has no go.mod` }
  const path = /^module\s+(\S+)$/m.exec(readFileSync(file, 'utf8'))?.[1]
  if (path === undefined) throw new ReleaseFault(`${file} names no module`, 'its first line is: module PATH')
  const name = `signet-verify-go-${version}.zip`
  const date = { GIT_AUTHOR_DATE: `@${committedAt} +0000`, GIT_COMMITTER_DATE: `@${committedAt} +0000`, TZ: 'UTC' }
  // A commit of the folder alone: git dates the files of an archive by its commit, and those of a mere folder by the clock.
  const identity = ['-c', 'user.name=release', '-c', 'user.email=release@localhost']
  const tree = run('git', [...identity, 'commit-tree', `${commit}:${FOLDER}`, '-m', name], { env: date }).trim()
  run('git', ['archive', '--format=zip', `--prefix=${path}@v${version}/`, '-o', join(out, name), tree], { env: date })
  return { path, version: `v${version}`, name }
}
