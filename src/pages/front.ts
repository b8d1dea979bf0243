/** GET / in a browser, in the frame of all pages. The endpoint loads it at the first browser. */
import type { Reply } from '../http/reply.ts'
import type { Asked } from '../http/route.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { newFrame } from './frame.ts'
import { show } from './show.ts'
import { frontPage } from './templates/front.ts'
import type { FrontView } from './views.ts'

export function showFront(asked: Asked, needs: FrameNeeds, addresses: FrontView['addresses']): Promise<Reply> {
  const frame = newFrame(asked, needs)
  const page = frontPage(frame, { issuer: needs.issuer, addresses })
  return show(frame, page, { headers: ['Vary', 'Accept, Accept-Language'] })
}
