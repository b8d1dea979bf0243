/** The source that a release is made of: one commit, and nothing that is not in it. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ROOT, ReleaseFault, run } from './tools.ts'

export interface Source {
  version: string
  /** The full id of the commit. */
  commit: string
  /** When it was committed, in seconds: the date of every file in the release, so that a second run gives the same bytes. */
  committedAt: number
}

/** @throws ReleaseFault where files differ from the commit: nobody could make the same release again */
export function readSource(checkout: string = ROOT): Source {
  const git = (...args: string[]): string => run('git', args, { cwd: checkout }).trimEnd()
  const changed = git('status', '--porcelain')
  if (changed !== '')
    throw new ReleaseFault(
      `the checkout differs from its commit, for example in ${changed.split('\n')[0]?.slice(3)}`,
      'commit what belongs to the release, and remove the rest',
    )
  const [commit = '', seconds = ''] = git('log', '-1', '--format=%H %ct').split(' ')
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')))
  return { version, commit, committedAt: Number(seconds) }
}

/** The whole source as an archive, for containers, Kubernetes and whoever wants to read it. The file `commit` names it. */
export function archiveSource({ version, commit }: Source, out: string, checkout: string = ROOT): string {
  const name = `signet-${version}.tar.gz`
  const folder = `signet-${version}/`
  const named = `--add-virtual-file=${folder}commit:${commit}`
  run('git', ['archive', '--format=tar.gz', `--prefix=${folder}`, named, '-o', `${out}/${name}`, commit], {
    cwd: checkout,
  })
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
