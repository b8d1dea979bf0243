/** GET and POST /consent: the person agrees, refuses, or learns that the client is not for them. */
import { SignIns, type SignInNeeds } from '../authorize/sign-ins.ts'
import type { Shown } from '../authorize/steps.ts'
import { isLoopbackRedirect } from '../clients/redirect-uri.ts'
import { IDENTITY_SCOPES } from '../authorize/scope.ts'
import { OFFLINE_ACCESS } from '../clients/client.ts'
import { knows } from '../grants/scope.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { accountView } from './account-view.ts'
import { findStep, frameOf, goOn, clientNameOf, takeStep, type At, type GoOnNeeds } from './go-on.ts'
import { show } from './show.ts'
import { consentPage } from './templates/consent.ts'
import { notAllowedPage } from './templates/errors.ts'
import type { ConsentView, ScopeView } from './views.ts'

export type ConsentNeeds = GoOnNeeds & SignInNeeds

const HERE = ['consent', 'not_allowed'] as const

type Here = At<(typeof HERE)[number]>

export function showConsent(needs: ConsentNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => {
    const found = await findStep(call, HERE, { ...needs, signIns })
    return 'elsewhere' in found ? found.elsewhere : showPage(call, found.at, needs)
  }
}

export function answerConsent(needs: ConsentNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => {
    const found = await findStep(call, HERE, { ...needs, signIns })
    if ('elsewhere' in found) return found.elsewhere
    const step = stepOf(call.sent, found.at)
    if (!step) return showPage(call, found.at, needs)
    return goOn(call, await takeStep(call, step, signIns), needs)
  }
}

/** The step of a button; `undefined` where no button of this page was pressed. */
function stepOf(sent: PageCall['sent'], { next }: Here) {
  const action = sent.get('action')
  if (action === 'switch') return { step: 'switch' } as const
  if (next.kind === 'not_allowed') {
    const reason = 'group not allowed: the person is in none of the allowed_groups'
    return action === 'back' ? ({ step: 'cancel', reason } as const) : undefined
  }
  // A program that posts the form by the names of its documentation shows nobody a page.
  const shown = sent.has('shown') ? readShown(sent.get('shown') ?? '') : undefined
  if (action === 'allow') return { step: 'consent', shown } as const
  return action === 'deny' ? ({ step: 'cancel', reason: 'the person refused the consent' } as const) : undefined
}

/** The rights on the page as a field of its form: the write compares them with those that are due then. */
function shownOn({ next }: Here): string {
  const { scope, resources } = grantedBy(next)
  const shown = new URLSearchParams({ user: next.standing.person.user.id, scope: scope.join(' ') })
  for (const id of resources) shown.append('resource', id)
  return shown.toString()
}

function readShown(written: string): Shown {
  const shown = new URLSearchParams(written)
  const scope = (shown.get('scope') ?? '').split(' ')
  return { userId: shown.get('user') ?? '', scope, resources: shown.getAll('resource') }
}

const grantedBy = (next: Here['next']): Pick<Shown, 'scope' | 'resources'> =>
  next.kind === 'consent' ? next : { scope: [], resources: [] }

function showPage(call: PageCall, at: Here, needs: ConsentNeeds): Promise<Reply> {
  const { next, signIn } = at
  const frame = frameOf(call, at, needs)
  const client = signIn.request ? clientNameOf(signIn.request.clientId, needs) : ''
  const account = accountView(next.standing.person)
  if (next.kind === 'consent') return show(frame, consentPage(frame, consentView(at, client, needs)))
  const reason = 'group not allowed: the person is in none of the allowed_groups'
  Object.assign(call.facts, { error: 'not_allowed', reason })
  return show(frame, notAllowedPage(frame, { client, account }), { status: 403 })
}

function consentView(at: Here, client: string, { issuer, resources }: ConsentNeeds): ConsentView {
  const { next, signIn, facts } = at
  const granted = grantedBy(next)
  const isOfPerson = (value: string) => IDENTITY_SCOPES.includes(value) || value === OFFLINE_ACCESS
  const asView = (scope: string): ScopeView => ({ scope })
  const atResources = granted.scope.filter((value) => !isOfPerson(value))
  const isKnownAt = (id: string, value: string) => {
    const resource = resources.find(id)
    return resource !== undefined && knows(resource, value)
  }
  // A value that no resource knows any more is agreed to as well, so it is shown.
  const isLost = (value: string) => !granted.resources.some((id) => isKnownAt(id, value))
  const { policyUri, tosUri, redirectUris } = facts.client ?? { policyUri: null, tosUri: null, redirectUris: [] }
  return {
    client,
    account: accountView(next.standing.person),
    shown: shownOn(at),
    scopes: granted.scope.filter(isOfPerson).map(asView),
    resources: granted.resources
      .map((id) => ({
        name: id,
        scopes: atResources.filter((value) => isKnownAt(id, value) || isLost(value)).map(asView),
      }))
      .filter(({ name, scopes }) => name !== issuer || scopes.length > 0),
    ...(signIn.request && { redirectHost: hostOf(signIn.request.redirectUri) }),
    isLocalhostOnly: redirectUris.length > 0 && redirectUris.every(isLoopbackRedirect),
    ...(policyUri !== null && { policyUrl: policyUri }),
    ...(tosUri !== null && { termsUrl: tosUri }),
  }
}

/** A private scheme has no host: the scheme itself is shown. */
function hostOf(uri: string): string {
  const { host, protocol } = new URL(uri)
  return host === '' ? protocol : host
}
