/**
 * Two replicas, each with a file of master keys of its own, as a secret store mounts it. The operator gives a new key to one
 * after another, makes it current when all have it, and takes the former key away when nothing needs it.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Context, Fault } from '../../fault.ts'
import { control, type Finding } from '../../finding.ts'
import { changeUnderLoad, command, currentKey } from '../../master-key-load.ts'
import { startCluster, type Cluster } from '../../replicas/cluster.ts'

export const replicaMasterKey: Fault = {
  name: 'replica-master-key',
  title: 'the master key changed under load, two replicas',
  async run(context) {
    const mounts = mount(context, 3)
    const [own = '', ...theirs] = mounts.files
    const cluster = await startCluster(context, {
      size: theirs.length,
      env: { SIGNET_REFRESH_GRACE: '5m', SIGNET_MASTER_KEY_FILE: own },
      launch: (index) => ({ env: { SIGNET_MASTER_KEY_FILE: theirs[index] ?? '' } }),
    })
    const { place, balancer } = cluster
    const findings = await changeUnderLoad(context, {
      place,
      url: balancer.url,
      async rotate() {
        const former = await currentKey(place)
        const { id, key } = await command(place, ['rotate', '--json'])
        for (const file of mounts.files) mounts.add(file, String(key))
        await command(place, ['use', '--json', '--', String(id)])
        mounts.named.set(String(id), String(key))
        return former
      },
      takeOut: mounts.takeOut,
    })
    return [...findings, await controlOf(cluster, mounts)]
  },
}

interface Mounts {
  files: string[]
  /** The text of each key that was made, by its id. */
  named: Map<string, string>
  add(file: string, key: string): void
  takeOut(id: string): void
}

/** Files with one key, the same in all. */
function mount(context: Context, count: number): Mounts {
  const folder = context.folder()
  const files = Array.from({ length: count }, (_, index) => join(folder, `keys-${index}`))
  const named = new Map<string, string>()
  // A secret store replaces a file in one step.
  const write = (file: string, keys: string[]): void => {
    writeFileSync(`${file}.next`, keys.map((key) => `${key}\n`).join(''), { mode: 0o600 })
    renameSync(`${file}.next`, file)
  }
  const keysIn = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean)
  const first = randomBytes(32).toString('base64url')
  for (const file of files) write(file, [first])
  return {
    files,
    named,
    add: (file, key) => write(file, [...keysIn(file), key]),
    takeOut(id) {
      const key = named.get(id) ?? first
      for (const file of files)
        write(
          file,
          keysIn(file).filter((each) => each !== key),
        )
    },
  }
}

/** A key that one replica lacks is not made current. */
async function controlOf({ place }: Cluster, mounts: Mounts): Promise<Finding> {
  const { id, key } = await command(place, ['rotate', '--json'])
  for (const file of mounts.files.slice(0, -1)) mounts.add(file, String(key))
  const { code } = await place.run(['master-key', 'use', '--', String(id)])
  return control('a key that one replica lacks', code === 1 ? 'refused' : 'used', 'current on all', code === 1)
}
