/** GET and POST /login/must-change: a password that an operator gave is replaced before the sign-in goes on. */
import { SignIns, type SignInNeeds } from '../authorize/sign-ins.ts'
import type { Config } from '../config/setting.ts'
import type { PasswordQueue } from '../ground/hash-queue.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { UserRecord } from '../store/records/user.ts'
import { Passwords } from '../users/password.ts'
import { findStep, frameOf, goOn, takeStep, type At, type GoOnNeeds } from './go-on.ts'
import { show } from './show.ts'
import { mustChangePage } from './templates/must-change.ts'
import type { FormError } from './views.ts'
import { weakPassword } from './weak-password.ts'

export type MustChangeNeeds = GoOnNeeds & SignInNeeds & { config: Config; hashQueue: PasswordQueue }

const HERE = ['must_change'] as const

type Here = At<'must_change'>

export function showMustChange(needs: MustChangeNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  const passwords = new Passwords(needs.hashQueue, needs.config)
  return async (call) => {
    const found = await findStep(call, HERE, { ...needs, signIns })
    return 'elsewhere' in found ? found.elsewhere : showForm(call, found.at, passwords, needs)
  }
}

export function answerMustChange(needs: MustChangeNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  const passwords = new Passwords(needs.hashQueue, needs.config)
  return async (call) => {
    const { sent, network } = call
    const found = await findStep(call, HERE, { ...needs, signIns })
    if ('elsewhere' in found) return found.elsewhere
    const action = sent.get('action')
    if (action === 'cancel')
      return goOn(call, await takeStep(call, { step: 'cancel', reason: 'the person cancelled' }, signIns), needs)
    if (action !== 'change-password') return showForm(call, found.at, passwords, needs)
    const password = sent.get('password') ?? ''
    const { user } = found.at.next.standing.person
    const error = await findFault(password, user, network, passwords)
    if (error) return showForm(call, found.at, passwords, needs, error)
    const passwordHash = await passwords.hash(password, network)
    return goOn(call, await takeStep(call, { step: 'must_change', passwordHash }, signIns), needs)
  }
}

/** The password that an operator gave is no new one, weak or not. */
async function findFault(
  password: string,
  user: UserRecord,
  network: string,
  passwords: Passwords,
): Promise<FormError | undefined> {
  const { matches } = await passwords.check(user, password, network)
  if (matches) return { code: 'weak_password', field: 'password', words: 'same_password' }
  const weakness = await passwords.findWeakness(password, user)
  return weakness && weakPassword(weakness)
}

function showForm(
  call: PageCall,
  at: Here,
  { least }: Passwords,
  needs: MustChangeNeeds,
  error?: FormError,
): Promise<Reply> {
  const frame = frameOf(call, at, needs)
  const { username } = at.next.standing.person.user
  const view = { username, leastCharacters: least, ...(error && { error }) }
  return show(frame, mustChangePage(frame, view), { status: error ? 422 : 200 })
}
