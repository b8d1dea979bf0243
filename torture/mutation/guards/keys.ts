/** Signing keys and the master key: what may sign, what is published, and what no start makes anew. */
import { edit, guardsIn, layered, type Guard } from '../guard.ts'

const rule = guardsIn('src/keys/rotation.ts', 'key-rotation')
const ring = guardsIn('src/keys/key-ring.ts', 'key-rotation')
const rows = guardsIn('src/store/sqlite/keys.ts', 'key-rotation')
const entry = guardsIn('src/blacklist/entry.ts', 'key-rotation')
const master = guardsIn('src/keys/master-key.ts', 'guards')
const start = guardsIn('src/issuer.ts', 'operation')

export const KEY_GUARDS: Guard[] = [
  rule(
    'a key is published before it signs',
    'if (policy.emergency || isKnownToCaches(next, active, now, policy.prepublishSeconds)) return',
    'return',
  ),
  rule('a key is not rotated before it is due', 'if (now < due) return', 'if (false) return', 'guards'),
  rule('the key set stays small', 'if (published.length >= MOST_PUBLISHED)', 'if (false)'),
  rule('a retiring key is published', " || key.status === 'retiring'", ''),
  layered(
    'nothing is signed beyond what is reserved',
    [
      edit(
        'src/keys/key-ring.ts',
        'if (signer.signedUntil < until) await this.#reserve(signer, until + ahead)',
        'if (false) await this.#reserve(signer, until + ahead)',
      ),
      edit('src/keys/key-ring.ts', ' && signer.signedUntil >= until) return signer', ') return signer'),
    ],
    'guards',
  ),
  ring(
    'of two processes one rotates',
    "current.some((key) => key.kid === leaving && key.status === 'active')",
    'true',
    'guards',
  ),
  rows(
    'a key stays until its last token has ended',
    'before: database.now() - fromSeconds(skewSeconds)',
    'before: Infinity',
  ),
  rows(
    'a key stays for as long as honest clocks differ',
    'database.now() - fromSeconds(skewSeconds)',
    'database.now()',
    'guards',
  ),
  rows('a revoked key is in the feed', 'appendEntry(deny(before, database.now()))', 'void deny'),
  entry('the entry of a revoked key lasts as long as a verifier may keep the key', ' + KEY_DENIED_MS', ''),
  entry('no date of a forged token is late enough', '{ ...entry, issuedBefore: FOR_EVER }', 'entry'),
  layered(
    'nobody waits for what people look with',
    [
      edit('src/keys/readers.ts', 'if (TOOL_OF_PEOPLE.test(agent)) return', ''),
      edit('src/keys/readers.ts', ' && !TOOL_OF_PEOPLE.test(name)', ''),
    ],
    'key-readers',
  ),
  rows(
    'a key that is gone reserves nothing',
    "and(one, inArray(signingKeys.status, ['active', 'retiring']))",
    'one',
    'store-contract',
  ),
  rows(
    'of two processes one makes the first keys',
    "if (steps.ring(id).some(({ status }) => status === 'active' || status === 'next')) return 'exists'",
    '',
    'store-contract',
  ),
  start('another master key stops the start', 'if (standing === masterKey.id) return masterKey', 'return masterKey'),
  start(
    'no master key is made for an existing database',
    'sealedUnder === undefined ? createMasterKeyFile(config.keysDir) : readMasterKeyFile(config.keysDir)',
    'createMasterKeyFile(config.keysDir)',
  ),
  start(
    'a database that was lost is not begun anew',
    'const mustExist = file !== undefined && isKnownDatabase(config.keysDir, file)',
    'const mustExist = false',
  ),
  master('the master key is for its owner alone', "openSync(file, 'wx', 0o600)", "openSync(file, 'wx', 0o644)"),
  master(
    'the folder of the master key is for its owner alone',
    'chmodSync(keysDir, 0o700)',
    'chmodSync(keysDir, 0o755)',
  ),
  guardsIn('src/keys/algorithms.ts', 'key-rotation')(
    'the key set has public members only',
    'const publicJwk = publicPart(privateKey)',
    'const publicJwk = { ...publicPart(privateKey), ...privateJwk }',
  ),
  guardsIn('src/housekeeping.ts', 'key-rotation')(
    'a jump of the clock is not believed',
    'if (clock.isBelieved()) await work()',
    'await work()',
  ),
]
