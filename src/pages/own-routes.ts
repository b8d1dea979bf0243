/** The account pages on which a person sees the own account, and changes the profile and the password. */
import type { Route } from '../http/route.ts'
import type { ActivityNeeds } from './account-activity.ts'
import type { OverviewNeeds } from './account-overview.ts'
import type { PasswordNeeds } from './account-password.ts'
import type { ProfileNeeds } from './account-profile.ts'
import { page } from './page.ts'

const ofProfile = () => import('./account-profile.ts')
const ofPassword = () => import('./account-password.ts')

export const ownPages = (needs: OverviewNeeds & ProfileNeeds & PasswordNeeds & ActivityNeeds): Route[] => [
  page({ get: '/account' }, needs, async () => (await import('./account-overview.ts')).showOverview),
  page({ get: '/account/profile' }, needs, async () => (await ofProfile()).showProfile),
  page({ post: '/account/profile' }, needs, async () => (await ofProfile()).changeProfile),
  page({ get: '/account/password' }, needs, async () => (await ofPassword()).showPassword),
  page({ post: '/account/password' }, needs, async () => (await ofPassword()).changePassword),
  page({ get: '/account/activity' }, needs, async () => (await import('./account-activity.ts')).showActivity),
  page({ get: '/.well-known/change-password' }, needs, async () => (await ofPassword()).toPassword),
]
