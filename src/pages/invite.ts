/** GET and POST /invite: GET shows the form, and only POST uses the link up, because mail scanners follow links too. */
import { SignIns } from '../authorize/sign-ins.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { answerForm, invitedBy, showForm, type NewAccountNeeds } from './new-account.ts'

export function showInvite(needs: NewAccountNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => showForm(call, await invitedBy(call.sent.get('token'), needs), { ...needs, signIns })
}

export function answerInvite(needs: NewAccountNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => answerForm(call, await invitedBy(call.sent.get('token'), needs), { ...needs, signIns })
}
