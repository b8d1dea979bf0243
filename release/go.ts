/**
 * The Go module of `verifiers/go` as the zip that Go's module proxies serve (go.dev/ref/mod#zip-files), tried as its users
 * meet it.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from './source.ts'
import { ROOT, ReleaseFault, has, run, type Skipped } from './tools.ts'

const FOLDER = 'verifiers/go'

interface GoModule {
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

const useInGo = (path: string): string => `package main

import signetverify "${path}"

func main() {
	if _, err := signetverify.New(signetverify.Options{Issuer: "https://auth.example.com", Audience: "orders"}); err != nil {
		panic(err)
	}
}
`

/** Serves the zip from a folder, as a module proxy does, and builds a program with it. @returns a line that says so */
export function tryGoModule(module: GoModule, out: string, work: string): string | Skipped {
  if (!has('go', ['version'])) return { skipped: 'go is not installed' }
  const sources = join(ROOT, FOLDER)
  if (!has('go', ['mod', 'download'], { cwd: sources })) return { skipped: `go could not fetch what ${FOLDER} needs` }
  const proxy = join(work, 'go-proxy')
  const folder = join(proxy, escaped(module.path), '@v')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'list'), `${module.version}\n`)
  writeFileSync(join(folder, `${module.version}.info`), JSON.stringify({ Version: module.version }))
  writeFileSync(join(folder, `${module.version}.mod`), readFileSync(join(sources, 'go.mod')))
  copyFileSync(join(out, module.name), join(folder, `${module.version}.zip`))
  return buildWith(module, proxy, join(work, 'go-program'))
}

function buildWith({ path, version }: GoModule, proxy: string, cwd: string): string {
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'main.go'), useInGo(path))
  const others = run('go', ['env', 'GOPROXY']).trim()
  // The checksum database of the public does not know a module that nobody has published.
  const env = { GOPROXY: `file://${proxy},${others}`, GONOSUMDB: path, GOFLAGS: '-mod=mod -modcacherw' }
  const own = { cwd, env: { ...env, GOMODCACHE: join(cwd, 'modules') } }
  run('go', ['mod', 'init', 'example.com/program'], own)
  run('go', ['get', `${path}@${version}`], own)
  run('go', ['build', './...'], own)
  return `signetverify for Go: ${path}@${version} is fetched from its zip, and a program builds with it`
}

/** Module proxies write a capital letter as `!` and the small one. */
const escaped = (path: string): string => path.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
