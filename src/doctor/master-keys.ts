/** The master keys: their file, whether they open what the database holds, and which of them should go or are not used. */
import { statSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../config/setting.ts'
import { requireMasterKeys } from '../database.ts'
import { codeOf, describeRefusal, modeOf } from '../ground/file-access.ts'
import { describeDependents, findDependents, isNeeded } from '../keys/dependents.ts'
import { serversWithout } from '../keys/key-holder.ts'
import { isKnownDatabase } from '../keys/known-databases.ts'
import { idArgument, type MasterKey } from '../keys/master-key.ts'
import { isOrdinary, masterKeyFile } from '../keys/master-key-file.ts'
import { findLooseModes, readMasterKeySource } from '../keys/master-key-source.ts'
import { databaseName, probeDatabase } from '../store/open.ts'
import { sealedUnder, type SigningKeyRecord } from '../store/records/key.ts'
import { statusOfMasterKey, type MasterKeyState } from '../store/records/master-key.ts'
import type { Store } from '../store/store.ts'
import { bad, failed, good, warn, type Check } from './check.ts'

export async function checkMasterKeyFile(config: Config): Promise<Check> {
  const { masterKeys, keysDir } = config
  if (masterKeys !== undefined) return good('master key file', 'not used: the key comes from SIGNET_MASTER_KEY')
  const file = masterKeyFile(keysDir)
  let stats: Stats | undefined
  try {
    stats = statSync(file, { throwIfNoEntry: false })
  } catch (error) {
    const found = `${file} cannot be read (${describeRefusal(file, codeOf(error))})`
    return bad('master key file', found, 'make it readable for the user that runs Signet')
  }
  return stats ? checkModes(file, stats, config) : missingFile(file, config)
}

const missingFile = async (file: string, config: Config): Promise<Check> =>
  bad(
    'master key file',
    `${file} is missing`,
    (await hasDatabase(config))
      ? 'put it back from your backup, or give the key in SIGNET_MASTER_KEY: no new one is made for an existing database'
      : 'put it back from your backup; for a new deployment signet serve makes one',
  )

function checkModes(file: string, stats: Stats, config: Config): Check {
  const folder = dirname(file)
  const modes = [modeOf(stats), modeOf(statSync(folder))]
  const found = `${file} is ${modes[0]} in a folder that is ${modes[1]}`
  // A stricter mode than 0600 and 0700 is as good. The mode of a folder that a platform prepared is its own business.
  const isLoose = isOrdinary(folder)
    ? modes.some((mode) => !mode.endsWith('00'))
    : findLooseModes(config).some(({ isOurs }) => isOurs)
  return isLoose
    ? warn('master key file', found, `chmod 700 ${folder} && chmod 600 ${file}`)
    : good('master key file', found)
}

/** Whether there is a database, or was one: then its keys are sealed already. */
async function hasDatabase({ databaseUrl, keysDir }: Config): Promise<boolean> {
  if (isKnownDatabase(keysDir, databaseName(databaseUrl))) return true
  return (await probeDatabase(databaseUrl).catch(() => 'missing')) === 'present'
}

/** Whether the master keys open what the database holds; then which of them should not stay as they are. */
export async function checkMasterKeys(store: Store, keys: SigningKeyRecord[], config: Config): Promise<Check[]> {
  try {
    const state = await store.readMasterKeys()
    const found = readMasterKeySource(config)
    if (!found) return [noMasterKey()]
    await requireMasterKeys(store, found, config, { state })
    return [
      await checkSeals(found, keys, state),
      ...(await checkServers(store, state)),
      ...(await checkStanding(store, state)),
      ...checkPlace(found, state),
    ]
  } catch (error) {
    return [failed('master key', error)]
  }
}

const noMasterKey = (): Check =>
  bad(
    'master key',
    'there is none',
    'put the original file back, or give the key in SIGNET_MASTER_KEY; lost for good: docs/operating.md, "The master key is lost"',
  )

async function checkSeals(found: MasterKey[], keys: SigningKeyRecord[], { current }: MasterKeyState): Promise<Check> {
  const sealed = keys.filter(({ status }) => status === 'active' || status === 'next')
  for (const { kid, sealedPrivateKey } of sealed) {
    const id = sealedUnder(sealedPrivateKey)
    const key = found.find((each) => each.id === id)
    if (!key) return bad('master key', `signing key ${kid} is sealed under master key ${id}, which is not here`)
    await key.unseal(sealedPrivateKey)
  }
  return good('master key', `${current ?? found[0]?.id} opens ${sealed.length} signing keys`)
}

/** Running servers note which keys they have. */
async function checkServers(store: Store, { current = '' }: MasterKeyState): Promise<Check[]> {
  const without = serversWithout(current, await store.listKeyHolders(), store.now())
  return without.map(({ server }) =>
    bad(
      'master key of servers',
      `server ${server} does not have the current master key ${current}`,
      'give it the key, and restart it where it reads the key from a variable',
    ),
  )
}

async function checkStanding(store: Store, { keys, current }: MasterKeyState): Promise<Check[]> {
  const checks: Check[] = []
  for (const key of keys)
    if (statusOfMasterKey(key, current) === 'previous') checks.push(await checkFormer(store, key.id))
  return checks
}

/** Every use of a secret moves it to the current key. So a secret that is left was not used since the change. */
async function checkFormer(store: Store, id: string): Promise<Check> {
  const needs = await findDependents(store, id)
  const found = `${id} is needed by ${describeDependents(needs)}`
  const retire = 'signet master-key retire'
  if (!isNeeded(needs)) return warn('former master key', `nothing needs ${id} any more`, `${retire} ${idArgument(id)}`)
  if (needs.secrets.length === 0) return good('former master key', found)
  const fix = `these clients have not used their secrets since the key changed: wait, or signet client rotate-secret ID, or ${retire} --force ${idArgument(id)}, which ends the secrets`
  return warn('former master key', found, fix)
}

function checkPlace(found: MasterKey[], { keys, current }: MasterKeyState): Check[] {
  return found.flatMap(({ id }) => {
    const key = keys.find((each) => each.id === id)
    const status = key ? statusOfMasterKey(key, current) : 'new'
    if (status === 'new')
      return warn(
        'unused master key',
        `${id} was never used`,
        `signet master-key use ${idArgument(id)} makes it current, signet master-key retire ${idArgument(id)} takes it away`,
      )
    return status === 'retired'
      ? warn('retired master key', `${id} is still in its place`, `signet master-key retire ${idArgument(id)}`)
      : []
  })
}
