/**
 * The bill of materials of a release, as CycloneDX on stdout: what `npm ci --omit=dev` installs, from the lock file alone.
 * It never looks at what happens to be installed, and asks no registry.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

const ROOT = resolve(import.meta.dirname, '..')
/** By this npm marks what only development needs. */
const DEVELOPMENT = 'cdx:npm:package:development'
const ROOM_FOR_OUTPUT = 64 * 1024 * 1024

const Bom = z.looseObject({
  metadata: z.looseObject({ component: z.looseObject({ 'bom-ref': z.string() }) }),
  components: z.array(
    z.looseObject({
      'bom-ref': z.string(),
      properties: z.array(z.object({ name: z.string(), value: z.string() })),
      hashes: z.array(z.unknown()).optional(),
    }),
  ),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
})
type Bom = z.infer<typeof Bom>

const main = (): void => {
  const { name } = z.object({ name: z.string() }).parse(JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')))
  process.stdout.write(`${JSON.stringify(onlyReleased(everything(), name), null, 2)}\n`)
}

/**
 * With development, since npm's own `--omit dev` (11.19) also leaves out what production and development share: jose,
 * zod and pino would be missing.
 */
function everything(): Bom {
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  const text = execFileSync('npm', args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: ROOM_FOR_OUTPUT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return Bom.parse(JSON.parse(text))
}

/** @param name what is released; npm puts the folder's name there */
function onlyReleased(bom: Bom, name: string): Bom {
  const components = bom.components.filter(isReleased)
  const kept = new Set([bom.metadata.component['bom-ref'], ...components.map((each) => each['bom-ref'])])
  const dependencies = bom.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map((each) => ({ ...each, dependsOn: each.dependsOn.filter((ref) => kept.has(ref)) }))
  return {
    ...bom,
    metadata: { ...bom.metadata, component: { ...bom.metadata.component, name } },
    components,
    dependencies,
  }
}

/** Our own workspaces, which no registry hashed, are packages of their own with releases of their own. */
const isReleased = ({ properties, hashes }: Bom['components'][number]): boolean =>
  hashes !== undefined && !properties.some(({ name }) => name === DEVELOPMENT)

main()
