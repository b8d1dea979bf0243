/**
 * The bill of materials of a release, as CycloneDX: the packages that `npm ci --omit=dev` installs, read from the lock
 * file alone. The installed packages do not matter, and no registry is asked. Run by itself, it prints the document.
 */
import { execFileSync } from 'node:child_process'
import { z } from 'zod'
import { ROOT, readJson } from './tools.ts'

/** npm marks packages of development alone by this property. */
const DEVELOPMENT = 'cdx:npm:package:development'
const ROOM_FOR_OUTPUT = 64 * 1024 * 1024

const Bom = z.looseObject({
  serialNumber: z.string().optional(),
  metadata: z.looseObject({ timestamp: z.string().optional(), component: z.looseObject({ 'bom-ref': z.string() }) }),
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

/** @returns the document as text. It has no number and no time of its own: the same lock file gives the same bytes. */
export function bomOfRelease(): string {
  const { name } = z.object({ name: z.string() }).parse(readJson('package.json'))
  return `${JSON.stringify(onlyReleased(everything(), name), null, 2)}\n`
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

/** @param name the name of the package; npm writes the folder's name instead */
function onlyReleased(bom: Bom, name: string): Bom {
  const components = bom.components.filter(isReleased)
  const kept = new Set([bom.metadata.component['bom-ref'], ...components.map((each) => each['bom-ref'])])
  const dependencies = bom.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map((each) => ({ ...each, dependsOn: each.dependsOn.filter((ref) => kept.has(ref)) }))
  const { serialNumber: _number, metadata, ...rest } = bom
  const { timestamp: _time, ...about } = metadata
  return {
    ...rest,
    metadata: { ...about, component: { ...about.component, name } },
    components,
    dependencies,
  }
}

/** Our own workspaces have no hash of a registry; they are packages of their own, with their own releases. */
const isReleased = ({ properties, hashes }: Bom['components'][number]): boolean =>
  hashes !== undefined && !properties.some(({ name }) => name === DEVELOPMENT)

if (import.meta.main) process.stdout.write(bomOfRelease())
