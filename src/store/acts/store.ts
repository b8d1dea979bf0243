/** The store over any engine: every noun's acts, put together. */
import type { Engine } from '../engine.ts'
import type { Store } from '../store.ts'
import { activityVerbs } from './activity.ts'
import { auditVerbs } from './audit.ts'
import { blacklistVerbs } from './blacklist.ts'
import { clientVerbs } from './clients.ts'
import { codeVerbs } from './codes.ts'
import { declaredVerbs } from './declared.ts'
import { factorVerbs } from './factors.ts'
import { grantVerbs } from './grants.ts'
import { guessVerbs } from './guesses.ts'
import { groupVerbs } from './groups.ts'
import { keyVerbs } from './keys.ts'
import { linkVerbs } from './links.ts'
import { masterKeyVerbs } from './master-keys.ts'
import { replicaVerbs } from './replicas.ts'
import { resourceVerbs } from './resources.ts'
import { restoredVerbs } from './restored.ts'
import { sessionVerbs } from './sessions.ts'
import { signInVerbs } from './sign-ins.ts'
import { smallVerbs, sweepDeletedClient } from './small.ts'
import { userVerbs } from './users.ts'

export const storeOver = (engine: Engine): Store => ({
  now: () => engine.now(),
  ...clientVerbs(engine),
  ...resourceVerbs(engine),
  ...declaredVerbs(engine),
  ...keyVerbs(engine),
  ...masterKeyVerbs(engine),
  ...grantVerbs(engine),
  ...blacklistVerbs(engine),
  ...restoredVerbs(engine),
  ...auditVerbs(engine),
  ...activityVerbs(engine),
  ...smallVerbs(engine),
  ...replicaVerbs(engine),
  ...sessionVerbs(engine),
  ...signInVerbs(engine),
  ...guessVerbs(engine),
  ...userVerbs(engine),
  ...groupVerbs(engine),
  ...linkVerbs(engine),
  ...factorVerbs(engine),
  ...codeVerbs(engine),
  sweep: async (limit, forgetBefore) =>
    (await engine.sweep(limit, forgetBefore)) + (await engine.act(() => sweepDeletedClient(limit), 'free')),
  onChange: (listener) => engine.onChange(listener),
  catchUp: () => engine.catchUp(),
  pollChanges: () => engine.pollChanges(),
  pace: engine.pace,
  listen: () => engine.listen(),
  silenceMs: () => engine.silenceMs(),
  requireAnswer: () => engine.requireAnswer(),
  machineAheadMs: () => engine.machineAheadMs(),
  facts: (options) => engine.facts(options),
  figures: () => engine.figures(),
  examine: () => engine.examine(),
  backup: (file) => engine.backup(file),
  close: () => engine.close(),
})
