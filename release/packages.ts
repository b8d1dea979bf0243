/** The two packages for npm: packed from a clean build, and judged by publint as whoever installs them meets them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { z } from 'zod'
import { stageIssuer } from './issuer.ts'
import { ROOT, ReleaseFault, run } from './tools.ts'

const Packed = z.object({ filename: z.string() })

/**
 * Compiles and packs both.
 *
 * @param work an empty folder for what is packed
 * @returns the names of the tarballs in `out`
 */
export function packBoth(commit: string, work: string, out: string): { issuer: string; verifier: string } {
  run('npm', ['run', 'build', '-w', 'signet-verify'])
  const folder = join(work, 'issuer')
  stageIssuer(folder, commit)
  return { issuer: pack(folder, out), verifier: pack(join(ROOT, 'verifiers/node'), out) }
}

/** Packs a folder as it is; nothing of it is built again. */
export function pack(folder: string, out: string): string {
  const answer: unknown = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], { cwd: folder }),
  )
  // A list with one entry, or, in newer versions of npm, an object by package name.
  const [packed] = z.union([z.array(Packed), z.record(z.string(), Packed).transform(Object.values)]).parse(answer)
  return Packed.parse(packed).filename
}

/** @throws ReleaseFault with every finding: a package that some bundler or Node cannot import is none to hand out */
export async function judge(tarball: string): Promise<void> {
  const bytes = readFileSync(tarball)
  const { messages, pkg } = await publint({
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    level: 'warning',
    strict: true,
  })
  if (messages.length === 0) return
  const findings = messages.map((each) => formatMessage(each, pkg ?? {}) ?? each.code)
  throw new ReleaseFault(`publint finds fault with ${tarball}`, findings.join('\n'))
}
