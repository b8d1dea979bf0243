/** The wheel and the Go module as their users meet them: installed where nothing else is, and used once. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GoModule } from './go.ts'
import { makeVenv } from './python.ts'
import { ROOT, has, run, type Skipped } from './tools.ts'

const USE_IN_PYTHON = `import signet_verify
verifier = signet_verify.create_token_verifier(issuer="https://auth.example.com", audience="orders")
try:
    verifier.verify_token("x")
except signet_verify.TokenError as error:
    print(error.code)
`

/** @param wheel its whole path @returns a line that says what was tried */
export function tryWheel(wheel: string, work: string): string | Skipped {
  const python = makeVenv(join(work, 'wheel'), [wheel])
  if (typeof python !== 'string') return python
  const code = run(python, ['-c', USE_IN_PYTHON]).trim()
  return `signet-verify for Python: installed, and a bad token is ${code}`
}

const useInGo = (path: string): string => `package main

import signetverify "${path}"

func main() {
	if _, err := signetverify.New(signetverify.Options{Issuer: "https://auth.example.com", Audience: "orders"}); err != nil {
		panic(err)
	}
}
`

/** Serves the zip from a folder, as a module proxy does, and builds a program with it. */
export function tryGoModule(module: GoModule, out: string, work: string): string | Skipped {
  if (!has('go', ['version'])) return { skipped: 'go is not installed' }
  const proxy = join(work, 'go-proxy')
  const folder = join(proxy, escaped(module.path), '@v')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'list'), `${module.version}\n`)
  writeFileSync(join(folder, `${module.version}.info`), JSON.stringify({ Version: module.version }))
  writeFileSync(join(folder, `${module.version}.mod`), readFileSync(join(ROOT, 'verifiers/go/go.mod')))
  copyFileSync(join(out, module.name), join(folder, `${module.version}.zip`))
  return buildWith(module, proxy, join(work, 'go-program'))
}

function buildWith({ path, version }: GoModule, proxy: string, cwd: string): string | Skipped {
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'main.go'), useInGo(path))
  const others = run('go', ['env', 'GOPROXY']).trim()
  // The checksum database of the public does not know a module that nobody has published.
  const env = { GOPROXY: `file://${proxy},${others}`, GONOSUMDB: path, GOFLAGS: '-mod=mod -modcacherw' }
  const own = { cwd, env: { ...env, GOMODCACHE: join(cwd, 'modules') } }
  run('go', ['mod', 'init', 'example.com/program'], own)
  if (!has('go', ['mod', 'download', `${path}@${version}`], own)) return { skipped: 'go could not fetch modules' }
  run('go', ['get', `${path}@${version}`], own)
  run('go', ['build', './...'], own)
  return `signetverify for Go: ${path}@${version} is fetched from its zip, and a program builds with it`
}

/** Module proxies write a capital letter as `!` and the small one. */
const escaped = (path: string): string => path.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
