/** Whether the clock is right, and what is left of a time in which it was ahead. */
import { CLOCK_SKEW_SECONDS, fromSeconds, isAhead, toIso, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { shell } from '../ground/shell-word.ts'
import { isDatedAhead, type SigningKeyRecord } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import { bad, good, warn, type Check } from './check.ts'
import { listPersons, some } from './people.ts'

/** Grants and sessions of which a line tells: it counts no further. */
const MOST_LISTED = 100

export async function checkClock(store: Store, keys: SigningKeyRecord[]): Promise<Check[]> {
  const now = store.now()
  return [
    await checkLocalClock(store, now),
    ...checkKeys(keys, now),
    ...(await checkLives(store, now)),
    ...(await checkPasswords(store, now)),
  ]
}

/** A clock that was set back makes expired tokens valid again, and dates new tokens wrongly. */
async function checkLocalClock(store: Store, now: Instant): Promise<Check> {
  const believed = (await store.believedTime()) ?? 0
  const newest = (await store.newestEventAt()) ?? 0
  if (isAhead(believed, now))
    return bad(
      'local clock',
      `it is ${toIso(now)}, but something on record happened at ${toIso(believed)}`,
      'set the clock by NTP; where it was ahead then and is right now, start signet serve, which notes the right time after ten minutes',
    )
  if (isAhead(newest, now))
    return warn(
      'local clock',
      `it is ${toIso(now)}, and the newest event is of ${toIso(newest)}`,
      'set the clock by NTP; where it was ahead for a while and is right now, end what this report calls dated ahead, and leave the events',
    )
  return good('local clock', `${toIso(now)}, after everything that is on record`)
}

function checkKeys(keys: SigningKeyRecord[], now: Instant): Check[] {
  const ahead = keys.filter((key) => isDatedAhead(key, now))
  if (ahead.length === 0) return []
  return [
    warn(
      'keys dated ahead',
      `they do not rotate before their dates: ${some(ahead.map(({ kid }) => kid))}`,
      'a running signet serve dates them anew once its clock was right for ten minutes',
    ),
  ]
}

/** Ids are in the order of dates. */
async function checkLives(store: Store, now: Instant): Promise<Check[]> {
  const page = { after: timeOrderedId(now + fromSeconds(CLOCK_SKEW_SECONDS)), limit: MOST_LISTED }
  const grants = (await store.listGrants({}, page)).filter(({ endedAt }) => endedAt === null)
  const sessions = await store.listSessions({}, page)
  const lists = [
    ['grants', grants.map(({ sid }) => sid)],
    ['sessions', sessions.map(({ id }) => id)],
  ] as const
  return lists.flatMap(([what, ids]) =>
    ids.length === 0
      ? []
      : [
          warn(
            `${what} dated ahead`,
            `a clock that was ahead made ${what} that live for as long as it was ahead: ${some(ids)}`,
            'end all that there is: signet grant revoke --all; or each: signet grant revoke SID, signet session end ID',
          ),
        ],
  )
}

async function checkPasswords(store: Store, now: Instant): Promise<Check[]> {
  if (!(await store.hasUsers())) return []
  const ahead = (await listPersons(store)).filter(({ user }) => isAhead(user.passwordChangedAt ?? 0, now))
  const [first] = ahead
  if (!first) return []
  return [
    warn(
      'passwords dated ahead',
      `they were set while the clock was ahead: ${some(ahead.map(({ user }) => user.username))}`,
      `they work; to date one anew: signet user set-password ${shell(first.user.username)}`,
    ),
  ]
}
