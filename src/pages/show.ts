/** A page made of a frame and a template's body: `show(frame, loginPage(frame, view), { status, headers })`. */
import type { Reply } from '../http/reply.ts'
import type { Frame } from './frame.ts'
import { htmlReply } from './html.ts'
import { layout, type PageBody } from './layout.ts'

/** @param terms the status, `Set-Cookie` and other headers */
export function show(
  frame: Frame,
  page: PageBody,
  { status = 200, headers = [] }: { status?: number; headers?: readonly string[] } = {},
): Promise<Reply> {
  const { nonce, brand, client } = frame
  const { formsLeadTo = client ? 'anywhere' : 'self' } = page
  return htmlReply(layout(frame, page), { status, headers, nonce, formsLeadTo, picturesFrom: brand.logoOrigin })
}
