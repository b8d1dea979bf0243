/** The place of a deployment's master keys: in the key file, or in a variable that a secret store fills. */
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Config } from '../config/setting.ts'
import { Fault } from '../ground/errors.ts'
import { modeOf } from '../ground/file-access.ts'
import { MOST_SECRET_BYTES, readTextFile } from '../ground/text-file.ts'
import { parseMasterKey, type MasterKey } from './master-key.ts'
import { masterKeyFile, parseMasterKeys, readMasterKeyFile } from './master-key-file.ts'

/** The master keys in the configuration. */
export type MasterKeySource = Pick<Config, 'masterKeys' | 'keysDir' | 'setBy' | 'fileOf'>

/** The keys of a deployment, in their order; `undefined` where they are to come from a file that is not there. */
export const readMasterKeySource = ({ masterKeys, keysDir }: MasterKeySource): MasterKey[] | undefined =>
  // The configuration has checked the texts.
  masterKeys ? masterKeys.flatMap((text) => parseMasterKey(text) ?? []) : readMasterKeyFile(keysDir)

/**
 * The keys as they are now: the key file, or the file of a `_FILE` variable, may have changed since the start. A variable
 * itself stays as it was.
 * @throws Fault where the file cannot be read, or holds something else
 */
export function readMasterKeysAgain(source: MasterKeySource): MasterKey[] {
  const file = source.fileOf.masterKeys
  if (file === undefined) return readMasterKeySource(source) ?? []
  const read = readTextFile(file, MOST_SECRET_BYTES)
  if ('why' in read)
    throw new Fault(
      `${masterKeyVariable(source)}: ${file} ${read.why}`,
      'put the file with the master keys back, readable for the user that runs Signet',
    )
  return parseMasterKeys(read.text, `${masterKeyVariable(source)}: ${file}`)
}

/** The place at which the operator puts the right key, for messages. */
export const describeMasterKeyPlace = ({ masterKeys, keysDir }: MasterKeySource): string =>
  masterKeys === undefined
    ? `${masterKeyFile(keysDir)} (SIGNET_KEYS_DIR)`
    : 'SIGNET_MASTER_KEY (or in the file that SIGNET_MASTER_KEY_FILE names)'

/** The variable that gives the keys, directly or by their folder. */
export const masterKeyVariable = ({ masterKeys, setBy }: Pick<Config, 'masterKeys' | 'setBy'>): string =>
  masterKeys === undefined ? 'SIGNET_KEYS_DIR' : (setBy.masterKeys ?? 'SIGNET_MASTER_KEY')

/** A key file or keys folder that other users of the machine can read or change. */
export interface LooseMode {
  /** Names file, mode and remedy. */
  warning: string
  /** Whether it belongs to the user that runs Signet, who can repair it. */
  isOurs: boolean
}

/** Looks at the mode of the key file and its folder. Access for a group is the operator's choice, and no finding. */
export function findLooseModes({ masterKeys, keysDir }: Pick<Config, 'masterKeys' | 'keysDir'>): LooseMode[] {
  const file = resolve(masterKeyFile(keysDir))
  if (masterKeys !== undefined || !existsSync(file)) return []
  const folder = dirname(file)
  const [ofFile, ofFolder] = [statSync(file), statSync(folder)]
  const isOurs = (uid: number) => uid === process.geteuid?.()
  const found: LooseMode[] = []
  if ((ofFile.mode & 0o006) !== 0 && (ofFolder.mode & 0o001) !== 0)
    found.push({
      warning: `SIGNET_KEYS_DIR: every user of this machine can read ${file} (mode ${modeOf(ofFile)}): chmod 600 ${file}`,
      isOurs: isOurs(ofFile.uid),
    })
  const isSticky = (ofFolder.mode & 0o1000) !== 0
  if ((ofFolder.mode & 0o002) !== 0 && !isSticky)
    found.push({
      warning: `SIGNET_KEYS_DIR: every user of this machine can replace the master key in ${folder} (mode ${modeOf(ofFolder)}): chmod 700 ${folder}`,
      isOurs: isOurs(ofFolder.uid),
    })
  return found
}
