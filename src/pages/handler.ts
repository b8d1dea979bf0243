/** The handler of a page, and who calls it. */
import type { Outcome } from '../http/reply.ts'
import type { Asked, PageCall } from '../http/route.ts'

export type PageHandler<Param extends string> = (call: PageCall<Param>) => Outcome | Promise<Outcome>

/** Whether a script of a page asks, by JSON. */
export const isByScript = ({ header }: Pick<Asked, 'header'>): boolean =>
  header('content-type')?.startsWith('application/json') === true
