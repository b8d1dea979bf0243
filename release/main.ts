/**
 * `npm run release`: makes everything that a release consists of in `release/out/`, tries it as its users would, and prints
 * what was tried and what could not be. Nothing is published. It takes a few minutes.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OnEnd } from '../harness/folder.ts'
import { tryGoModule, zipGoModule } from './go.ts'
import { judge, packBoth } from './packages.ts'
import { buildPython, tryWheel } from './python.ts'
import { bomOfRelease } from './sbom.ts'
import { archiveSource, readSource, type Source } from './source.ts'
import { writeSums } from './sums.ts'
import { ROOT, ReleaseFault, type Skipped } from './tools.ts'
import { tryTarballs } from './try-npm.ts'

const OUT = join(ROOT, 'release/out')

const say = (line: string): void => console.log(line)

/** Says aloud what is missing in this release. */
const saySkipped = ({ skipped }: Skipped): void => say(`SKIPPED: ${skipped}`)

async function release(source: Source, work: string, onEnd: OnEnd): Promise<void> {
  say(`Signet ${source.version}, commit ${source.commit.slice(0, 12)}`)
  archiveSource(source, OUT)
  const { issuer, verifier } = packBoth(source.commit, work, OUT)
  const tarballs = { issuer: join(OUT, issuer), verifier: join(OUT, verifier) }
  for (const tarball of Object.values(tarballs)) await judge(tarball)
  say('publint: no finding')
  writeFileSync(join(OUT, `signet-issuer-${source.version}.cdx.json`), bomOfRelease())
  for (const line of await tryTarballs(tarballs, work, onEnd)) say(line)
  releasePython(source, work)
  releaseGo(source, work)
  for (const line of writeSums(OUT)) say(line)
}

function releasePython(source: Source, work: string): void {
  const built = buildPython(source, work, OUT)
  if ('skipped' in built) return saySkipped(built)
  const wheel = built.find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new ReleaseFault('the build made no wheel', `it made: ${built.join(', ')}`)
  say(tryWheel(join(OUT, wheel), work))
}

function releaseGo(source: Source, work: string): void {
  const zipped = zipGoModule(source, OUT)
  if ('skipped' in zipped) return saySkipped(zipped)
  const tried = tryGoModule(zipped, OUT, work)
  if (typeof tried === 'string') say(tried)
  else saySkipped(tried)
}

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'signet-release-'))
  const ends: (() => Promise<void> | void)[] = []
  try {
    const source = readSource()
    rmSync(OUT, { recursive: true, force: true })
    mkdirSync(OUT, { recursive: true })
    await release(source, work, (end) => void ends.push(end))
    say(`${readdirSync(OUT).length} files in ${OUT}`)
  } catch (error) {
    if (!(error instanceof ReleaseFault)) throw error
    console.error(`release: ${error.message}\n  ${error.help.replaceAll('\n', '\n  ')}`)
    process.exitCode = 1
  } finally {
    for (const end of ends.toReversed()) await end()
    rmSync(work, { recursive: true, force: true, maxRetries: 3 })
  }
}

await main()
