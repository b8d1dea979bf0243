/** Changes of the master key beside an issuer of this process, as a command makes them: over the files, with a wiring of its own. */
import { createHmac, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BY_CLI } from '../../src/audit.ts'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database.ts'
import { wireIssuer } from '../../src/issuer.ts'
import { MasterKeyChange, type ListedMasterKey } from '../../src/keys/master-key-change.ts'
import { rememberingLog, type TestIssuer } from './issuer.ts'

async function withChange<T>(issuer: TestIssuer, work: (change: MasterKeyChange) => Promise<T>): Promise<T> {
  const config = readConfig(issuer.env)
  const surroundings = { clock: issuer.clock, log: rememberingLog().log, mayLackFormer: true }
  const opened = await openDatabase(config, surroundings)
  const { store, masterKeys, audit, revocation, finish } = await wireIssuer(opened, issuer.issuer, config, surroundings)
  try {
    const endGrant = (sid: string) => revocation.endGrantOfMany(sid, BY_CLI, 'master key retired')
    return await work(new MasterKeyChange({ store, masterKeys, audit, source: config, sharing: [], endGrant }))
  } finally {
    await finish()
    await store.close()
  }
}

export const listMasterKeys = (issuer: TestIssuer): Promise<ListedMasterKey[]> =>
  withChange(issuer, (change) => change.list())

/** @returns the id of the key that is current now */
export const rotateMasterKey = (issuer: TestIssuer): Promise<string> =>
  withChange(issuer, async (change) => (await change.rotate(BY_CLI)).id)

export const useMasterKey = (issuer: TestIssuer, id: string): Promise<void> =>
  withChange(issuer, (change) => change.use(id, BY_CLI))

export const retireMasterKey = (issuer: TestIssuer, id: string, { force = false } = {}) =>
  withChange(issuer, (change) => change.retire(id, BY_CLI, { force }))

/** The keys of the key file, as texts. */
export const masterKeysIn = ({ folder }: { folder: string }): string[] =>
  readFileSync(join(folder, 'keys/master.key'), 'utf8').split('\n').filter(Boolean)

/** What a thief makes of a stolen first master key and a token of the family: the token of another generation. */
export function forgedGeneration(masterKey: string, token: string, generation: number): string {
  const body = Buffer.from(token.slice(-71), 'base64url').subarray(0, 37)
  body.writeUInt32BE(generation, 33)
  const root = Buffer.from(hkdfSync('sha256', Buffer.from(masterKey, 'base64url'), '', 'signet/refresh-token', 32))
  const familyKey = createHmac('sha256', root).update(body.subarray(17, 33)).digest()
  const mac = createHmac('sha256', familyKey).update(body).digest().subarray(0, 16)
  return `sgr_${Buffer.concat([body, mac]).toString('base64url')}`
}
