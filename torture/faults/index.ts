/** Every fault and load, in the order of the table. */
import type { Fault } from '../fault.ts'
import { backup } from './backup.ts'
import { clockJump } from './clock-jump.ts'
import { damage } from './damage.ts'
import { diskFull } from './disk-full.ts'
import { kill } from './kill.ts'
import { locked } from './locked.ts'
import { lostAnswer } from './lost-answer.ts'
import { parallelUse } from './parallel-use.ts'
import { powerCut } from './power-cut.ts'
import { races } from './races.ts'
import { upgrade } from './upgrade.ts'

export const FAULTS: Fault[] = [
  kill,
  lostAnswer,
  powerCut,
  races,
  parallelUse,
  diskFull,
  locked,
  damage,
  clockJump,
  backup,
  upgrade,
]
