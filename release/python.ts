/** The wheel and the source archive of `verifiers/python`, built apart from whatever Python packages this machine has. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { copyOfFolder, type Source } from './source.ts'
import { ROOT, has, run, type Skipped } from './tools.ts'

const FOLDER = 'verifiers/python'
/** The builder that pypa maintains. The project names its own backend. */
const BUILDER = 'build==1.6.1'

/** @returns the names of the files in `out` */
export function buildPython(source: Source, work: string, out: string): string[] | Skipped {
  if (!existsSync(join(ROOT, FOLDER, 'pyproject.toml'))) return { skipped: `${FOLDER} has no pyproject.toml` }
  const python = makeVenv(join(work, 'builder'), [BUILDER])
  if (typeof python !== 'string') return python
  const before = new Set(readdirSync(out))
  const project = copyOfFolder(source, FOLDER, join(work, 'python'))
  // The date of every file in the archives: two runs give the same bytes.
  run(python, ['-m', 'build', '--outdir', out, project], { env: { SOURCE_DATE_EPOCH: String(source.committedAt) } })
  return readdirSync(out).filter((name) => !before.has(name))
}

/** A Python of its own, with packages of the index. @returns the path of its interpreter */
function makeVenv(folder: string, packages: string[]): string | Skipped {
  if (!has('python3', ['-m', 'venv', folder])) return { skipped: 'python3 with venv is not installed' }
  const python = join(folder, 'bin/python')
  return has(python, pipInstall(packages)) ? python : { skipped: `pip could not install ${packages.join(' ')}` }
}

const pipInstall = (packages: string[]): string[] => [
  '-m',
  'pip',
  'install',
  '--quiet',
  '--disable-pip-version-check',
  ...packages,
]

const USE = `import signet_verify
verifier = signet_verify.create_token_verifier(issuer="https://auth.example.com", audience="orders")
try:
    verifier.verify_token("x")
except signet_verify.TokenError as error:
    print(error.code)
`

/**
 * Installs the wheel where nothing else is, and uses it once. The builder came from the index a moment ago, so a wheel that
 * cannot be installed is a fault, and no reason to skip.
 *
 * @param wheel its whole path
 * @returns a line that says what was tried
 */
export function tryWheel(wheel: string, work: string): string {
  const folder = join(work, 'wheel')
  run('python3', ['-m', 'venv', folder])
  const python = join(folder, 'bin/python')
  run(python, pipInstall([wheel]))
  return `signet-verify for Python: installed, and a bad token is ${run(python, ['-c', USE]).trim()}`
}
