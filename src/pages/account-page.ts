/** The shared part of a person's account pages: the frame in the person's language, and the person's view of the time. */
import type { Actor } from '../audit.ts'
import { OAuthError } from '../ground/errors.ts'
import { PageFault } from '../http/page-fault.ts'
import type { PageCall } from '../http/route.ts'
import { accountView } from './account-view.ts'
import { actingPerson } from './acting-person.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { newFrame, type Frame } from './frame.ts'
import type { SessionNeeds, SignedIn } from './session.ts'
import { SignInFirst, type AccountPath } from './sign-in-first.ts'
import type { AccountPageView, Notice } from './account-views.ts'

export type OwnNeeds = FrameNeeds & SessionNeeds

/** The frame of a signed-in person. */
export const ownFrame = (call: PageCall, { person, secret }: SignedIn, needs: FrameNeeds): Frame =>
  newFrame(call, needs, { secret, locale: person.user.profile.locale })

/** The part of the view that every account page has. */
export const ownView = ({ person }: SignedIn, { clock }: Pick<SessionNeeds, 'clock'>): AccountPageView => ({
  account: accountView(person),
  now: clock.now(),
  zone: person.user.profile.zoneinfo,
})

export const actorOf = ({ person }: SignedIn, call: Pick<PageCall, 'facts' | 'header' | 'network'>): Actor =>
  actingPerson(person.user.id, call)

/** The notice of what the form before has done. Anybody can choose it by the address of the page, but not its words. */
export const noticeOf = <Known extends Notice>({ sent }: Pick<PageCall, 'sent'>, known: readonly Known[]) =>
  known.find((each) => each === sent.get('done'))

/**
 * Performs an act on a record of the person.
 * @throws PageFault 404: another person's record is as unknown as one that never was
 */
export async function onOwnRecord<Result>(act: Promise<Result>): Promise<Result> {
  try {
    return await act
  } catch (error) {
    if (error instanceof OAuthError && error.status === 404) throw new PageFault('not_found', 404)
    throw error
  }
}

/**
 * Performs a change of the own account, whose write asks whether the session is live.
 * @returns `undefined` where a value cannot be taken
 * @throws SignInFirst where the session has ended meanwhile
 */
export async function changeOwn<Result>(
  act: Promise<Result>,
  returnTo: AccountPath,
  issuer: string,
): Promise<Result | undefined> {
  try {
    return await act
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    if (error.status === 404) throw new SignInFirst(issuer, returnTo, false)
    if (error.status === 400) return undefined
    throw error
  }
}
