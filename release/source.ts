/** The source that a release is made of: one commit, and nothing that is not in it. */
import { mkdirSync } from 'node:fs'
import { z } from 'zod'
import { ReleaseFault, readJson, run } from './tools.ts'

export interface Source {
  version: string
  /** The full id of the commit. */
  commit: string
  /** When it was committed, in seconds: the date of every file in the release, so that a second run gives the same bytes. */
  committedAt: number
}

/** @throws ReleaseFault where files differ from the commit: nobody could make the same release again */
export function readSource(): Source {
  const changed = run('git', ['status', '--porcelain']).trim()
  if (changed !== '')
    throw new ReleaseFault(
      `the checkout differs from its commit: ${changed.split('\n').length} files, such as ${changed.slice(3).split('\n')[0]}`,
      'commit or remove them: a release is made of a commit alone',
    )
  const [commit = '', seconds = ''] = run('git', ['log', '-1', '--format=%H %ct']).trim().split(' ')
  const { version } = z.object({ version: z.string() }).parse(readJson('package.json'))
  return { version, commit, committedAt: Number(seconds) }
}

/** The whole source as an archive, for containers, Kubernetes and whoever wants to read it. */
export function archiveSource({ version, commit }: Source, out: string): string {
  const name = `signet-${version}.tar.gz`
  run('git', ['archive', '--format=tar.gz', `--prefix=signet-${version}/`, '-o', `${out}/${name}`, commit])
  return name
}

/**
 * A folder as the commit has it, without caches and whatever else git ignores.
 *
 * @param target does not exist yet
 */
export function copyOfFolder({ commit }: Source, folder: string, target: string): string {
  mkdirSync(target)
  run('git', ['archive', '--format=tar', '-o', `${target}.tar`, `${commit}:${folder}`])
  run('tar', ['-xf', `${target}.tar`, '-C', target])
  return target
}
