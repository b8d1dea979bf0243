/**
 * `signet-issuer` as a package: compiled, with the manifest of whoever installs it and not of whoever develops it, and with
 * every dependency of its dependencies locked (`npm-shrinkwrap.json`), as the lock file of the checkout has them.
 */
import { cpSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { compile } from './compile.ts'
import { ROOT, readJson } from './tools.ts'

/** The one lock file that npm packs, and follows where the package is installed. */
const SHRINKWRAP = 'npm-shrinkwrap.json'

const Manifest = z.looseObject({
  name: z.string(),
  version: z.string(),
  files: z.array(z.string()),
  allowScripts: z.record(z.string(), z.boolean()),
})
type Manifest = z.infer<typeof Manifest>

/** Members of the manifest that are for the checkout alone. */
const FOR_DEVELOPMENT = ['workspaces', 'scripts', 'devDependencies', 'overrides', 'allowScripts']

const Locked = z.looseObject({ dev: z.boolean().optional(), link: z.boolean().optional() })
const Lock = z.looseObject({ packages: z.record(z.string(), Locked) })
type Lock = z.infer<typeof Lock>

/**
 * Compiles and writes the package's folder, to be packed as it is. The checkout's own `dist/` is left alone.
 *
 * @param folder does not exist yet
 * @param commit its first twelve digits stand beside the program, which has no git to ask
 */
export function stageIssuer(folder: string, commit: string): void {
  const manifest = Manifest.parse(readJson('package.json'))
  const lock = Lock.parse(readJson('package-lock.json'))
  compile(join(folder, 'dist'), commit)
  for (const file of filesOf(manifest)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(ROOT, file), join(folder, file))
  }
  const installed = manifestToInstall(manifest, lock)
  writeJson(join(folder, 'package.json'), installed)
  writeJson(join(folder, SHRINKWRAP), lockToInstall(installed, lock))
}

/** Every file that `files` names, but what is compiled, and those that npm packs always. */
function filesOf({ files }: Manifest): string[] {
  const wanted = [...files.filter((each) => !each.startsWith('!') && each !== 'dist'), 'README.md', 'LICENSE']
  const unwanted = new Set(
    globSync(
      files.filter((each) => each.startsWith('!')).map((each) => each.slice(1)),
      { cwd: ROOT },
    ),
  )
  const found = globSync(
    wanted.flatMap((each) => [each, `${each}/**`]),
    { cwd: ROOT, withFileTypes: true },
  )
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((file) => !unwanted.has(file))
    .toSorted()
}

/** The scripts that may run at install are told for the packages alone that are still there. */
function manifestToInstall(manifest: Manifest, { packages }: Lock): Manifest {
  const kept = Object.entries(manifest).filter(([member]) => !FOR_DEVELOPMENT.includes(member))
  const files = [...manifest.files, SHRINKWRAP]
  const scripts = Object.entries(manifest.allowScripts).filter(([name]) =>
    isInstalled(packages[`node_modules/${name}`]),
  )
  return Manifest.parse({
    ...Object.fromEntries(kept),
    files,
    allowScripts: Object.fromEntries(scripts),
  })
}

const isInstalled = (locked: z.infer<typeof Locked> | undefined): boolean =>
  locked !== undefined && locked.dev !== true && locked.link !== true

/** The lock file without what development alone needs, and without the workspaces, which are packages of their own. */
function lockToInstall(manifest: Manifest, lock: Lock): Lock {
  const { name, version, license, bin, dependencies, engines } = manifest
  const foreign = Object.entries(lock.packages).filter(
    ([path, locked]) => path.includes('node_modules/') && isInstalled(locked),
  )
  const own = { name, version, license, dependencies, bin, engines }
  return { ...lock, version, packages: Object.fromEntries([['', own], ...foreign]) }
}

const writeJson = (path: string, value: unknown): void => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
