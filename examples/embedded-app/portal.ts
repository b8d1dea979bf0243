/** The portal signs people in by itself, and forwards their identity to the app that it embeds. */
import { randomBytes } from 'node:crypto'
import { getCookie, setCookie } from 'hono/cookie'
import type { Hono } from 'hono'
import type { IssuerClient } from '../issuer-calls.ts'
import { PEOPLE } from './people.ts'
import { answerPage, createSite } from './site.ts'

const SESSION = 'portal_session'

export function createPortal(signet: IssuerClient, appOrigin: string): Hono {
  const sessions = new Map<string, string>()
  const portal = createSite({ frames: appOrigin })
  const options = Object.keys(PEOPLE).map((name) => `<option>${name}</option>`)

  portal.get('/', (c) => answerPage(c, 'portal.html', { app: appOrigin, people: options.join('') }))
  // There is no password: how a portal signs people in is not the subject of this example.
  portal.post('/sign-in', async (c) => {
    const { person } = await c.req.parseBody()
    if (typeof person !== 'string' || !Object.hasOwn(PEOPLE, person)) return c.text('nobody by this name', 400)
    const session = randomBytes(24).toString('base64url')
    sessions.set(session, person)
    setCookie(c, SESSION, session, { httpOnly: true, sameSite: 'Strict', path: '/' })
    return c.redirect('/', 303)
  })
  portal.post('/forwarded-token', async (c) => {
    const subject = sessions.get(getCookie(c, SESSION) ?? '')
    const person = subject === undefined ? undefined : PEOPLE[subject]
    if (subject === undefined || !person) return c.json({ error: 'signed_out' }, 401)
    const { organisation, ...claims } = person
    const { status, body } = await signet.tokensFor({ subject, claims }, organisation, 'assistant')
    if (status !== 200) return c.json({ error: 'no_token' }, 502)
    return c.json({ token: body.access_token, organisation })
  })
  return portal
}
