/** The JSON of sessions and consents for administrators. No secret of a cookie is in it. */
import { toIso } from '../ground/clock.ts'
import { flag, shapeOf, text, texts, time } from '../ground/shape.ts'
import type { ConsentRecord, SessionRecord } from '../store/records/session.ts'

export const sessionView = (session: SessionRecord & { clients: string[] }) => ({
  id: session.id,
  user_id: session.userId,
  clients: session.clients,
  acr: session.acr,
  amr: session.amr,
  remembered: session.isRemembered,
  user_agent: session.userAgent,
  address: session.address,
  auth_time: toIso(session.authTime),
  created_at: toIso(session.createdAt),
  last_seen_at: toIso(session.lastSeenAt),
  expires_at: toIso(Math.min(session.expiresAt, session.idleExpiresAt)),
})

export const SESSION = shapeOf<ReturnType<typeof sessionView>>(
  'Session',
  {
    id: text('`sid` in ID tokens and logout tokens.'),
    user_id: text('The `sub` of the person.'),
    clients: texts('The clients that it signed in to.'),
    acr: text('The level that was reached (OIDC Core §2).'),
    amr: texts('The factors that were used (RFC 8176).'),
    remembered: flag('Whether it outlives the browser.'),
    user_agent: text('The browser’s name for itself.'),
    address: text('The network that it began in.'),
    auth_time: time('When the person signed in.'),
    created_at: time(),
    last_seen_at: time('When it was used last, within a minute or so.'),
    expires_at: time('Its end, unless it is used before.'),
  },
  {
    id: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
    user_id: '019a6e3c-1111-7c3a-9b52-0c1f6f1f2a77',
    clients: ['grafana'],
    acr: '1',
    amr: ['pwd'],
    remembered: true,
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
    address: '192.0.2.7',
    auth_time: '2026-01-31T12:00:00.000Z',
    created_at: '2026-01-31T12:00:00.000Z',
    last_seen_at: '2026-01-31T12:30:00.000Z',
    expires_at: '2026-02-07T12:30:00.000Z',
  },
)

export const consentView = ({ userId, clientId, scope, resources, createdAt, updatedAt }: ConsentRecord) => ({
  user_id: userId,
  client_id: clientId,
  scope: scope.join(' '),
  resources,
  created_at: toIso(createdAt),
  updated_at: toIso(updatedAt),
})

export const CONSENT = shapeOf<ReturnType<typeof consentView>>(
  'Consent',
  {
    user_id: text('The `sub` of the person.'),
    client_id: text(),
    scope: text('What the person allowed, separated by spaces.'),
    resources: texts('The resources that it was allowed for.'),
    created_at: time(),
    updated_at: time(),
  },
  {
    user_id: '019a6e3c-1111-7c3a-9b52-0c1f6f1f2a77',
    client_id: 'photo-print',
    scope: 'openid photos:read',
    resources: ['https://photos.example.com'],
    created_at: '2026-01-31T12:00:00.000Z',
    updated_at: '2026-01-31T12:00:00.000Z',
  },
)
