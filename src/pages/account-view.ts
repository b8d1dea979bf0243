/** A person, as pages name one. */
import type { Person } from '../store/records/user.ts'
import type { AccountView } from './views.ts'

export const accountView = ({ user: { username, name, email } }: Person): AccountView => ({ username, name, email })
