/** The store over any engine: every noun's acts, put together. */
import type { Engine } from '../engine.ts'
import type { Store } from '../store.ts'
import { activityVerbs } from './activity.ts'
import { auditVerbs } from './audit.ts'
import { blacklistVerbs } from './blacklist.ts'
import { clientVerbs } from './clients.ts'
import { declaredVerbs } from './declared.ts'
import { sweepDeletedClient } from './deleted-clients.ts'
import { grantVerbs } from './grants.ts'
import { keyReaderVerbs } from './key-readers.ts'
import { keyVerbs } from './keys.ts'
import { masterKeyVerbs } from './master-keys.ts'
import {
  codeVerbs,
  factorVerbs,
  groupVerbs,
  guessVerbs,
  linkVerbs,
  presenceVerbs,
  signInVerbs,
  userVerbs,
} from './people.ts'
import { replicaVerbs } from './replicas.ts'
import { resourceVerbs } from './resources.ts'
import { restoredVerbs } from './restored.ts'
import { sessionVerbs } from './sessions.ts'
import { settingVerbs } from './settings.ts'
import { usedJtiVerbs } from './used-jtis.ts'

export const storeOver = (engine: Engine): Store => ({
  time: engine.time,
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
  ...settingVerbs(engine),
  ...usedJtiVerbs(engine),
  ...keyReaderVerbs(engine),
  ...replicaVerbs(engine),
  ...presenceVerbs(engine),
  ...sessionVerbs(engine),
  ...signInVerbs(engine),
  ...guessVerbs(engine),
  ...userVerbs(engine),
  ...groupVerbs(engine),
  ...linkVerbs(engine),
  ...factorVerbs(engine),
  ...codeVerbs(engine),
  sweep: async (limit, forgetBefore, maySweep) =>
    (await engine.sweep(limit, forgetBefore, maySweep)) + (await engine.act(() => sweepDeletedClient(limit), 'free')),
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
  placeId: () => engine.placeId(),
  examine: () => engine.examine(),
  backup: (file) => engine.backup(file),
  close: () => engine.close(),
})
