/** Every fault and load, in the order of the table. */
import type { Fault } from '../fault.ts'
import { clockJump } from './clock-jump.ts'
import { damage } from './damage.ts'
import { diskFull } from './disk-full.ts'
import { garbage } from './garbage.ts'
import { jwtBombs } from './jwt-bombs.ts'
import { kill } from './kill.ts'
import { masterKey } from './master-key.ts'
import { model } from './model.ts'
import { powerCut } from './power-cut.ts'
import { races } from './races.ts'
import { secretFloods } from './secret-floods.ts'
import { slowClients } from './slow-clients.ts'
import { soak } from './soak.ts'
import { timing } from './timing.ts'
import { upgrade } from './upgrade.ts'

export const FAULTS: Fault[] = [
  kill,
  powerCut,
  races,
  diskFull,
  damage,
  clockJump,
  upgrade,
  masterKey,
  model,
  soak,
  garbage,
  slowClients,
  secretFloods,
  jwtBombs,
  timing,
]
