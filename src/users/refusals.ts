/** Why an act on a user is refused inside its write. */
import { conflict, invalidRequest, notFound, OAuthError } from '../ground/errors.ts'
import { wordOr } from '../ground/shell-word.ts'
import type { UserObstacle, UserRecord } from '../store/records/user.ts'

/** The invitation that an act rests on cannot be used. Pages say why. */
export class LinkRefusal extends Error {
  readonly state: 'used' | 'expired' | 'unknown'

  constructor(state: LinkRefusal['state']) {
    super(`the link is ${state}`)
    this.name = 'LinkRefusal'
    this.state = state
  }
}

const TAKEN = {
  id: 'id: a user or a client has it, or had it',
  username: 'username: another user has it, as user name or as id',
  email: 'email: another user has it',
} as const

/** Another person or a client has the value of this member: 409. */
export class NameTaken extends OAuthError {
  readonly member: keyof typeof TAKEN

  constructor(member: keyof typeof TAKEN) {
    super('invalid_request', TAKEN[member], { status: 409 })
    this.member = member
  }
}

/** The error of an obstacle that the write met. */
export function refusalOf(obstacle: UserObstacle, { id }: Pick<UserRecord, 'id'>): OAuthError | LinkRefusal {
  switch (obstacle.outcome) {
    case 'taken':
      return new NameTaken(obstacle.member)
    case 'ended':
      return conflict(`id: ${id} was the id of a user who was deleted, and is never given again`)
    case 'no_group':
      return invalidRequest(
        `groups: group ${JSON.stringify(obstacle.group)} does not exist; make it with: signet group create ${wordOr('NAME', obstacle.group)}`,
        { isOfRecords: true },
      )
    case 'no_factor':
      return notFound('this factor of the person')
    case 'link':
      return new LinkRefusal(obstacle.state)
  }
}
