/** The acts of administrators in a sequence: deny, lift, rotate and revoke keys, disable, enable, delete, create. */
import type { Command } from './command.ts'
import type { Client, Entry } from './reference.ts'
import type { Sequence } from './sequence.ts'
import { BEGINS, CLIENT_METADATA, LIVES } from './world.ts'

/** An entry stays this much longer than the tokens that it denies. Seconds. */
const SKEW = 60
const SUBJECTS = ['person-0', 'person-1', 'app-0', 'app-1']

type Administration = Exclude<
  Command,
  { act: 'issue' | 'refresh' | 'revoke' | 'advance' | 'restart' | 'kill' | 'look' }
>

export function administer(sequence: Sequence, command: Administration): Promise<void> {
  switch (command.act) {
    case 'deny':
      return denyByName(sequence, command)
    case 'deny-token':
      return command.what === 'access'
        ? denyAccessToken(sequence, command.back)
        : denyRefreshToken(sequence, command.back)
    case 'lift':
      return lift(sequence, command.back)
    case 'rotate':
      return rotate(sequence, command.emergency)
    case 'revoke-key':
      return revokeKey(sequence, command.back)
    case 'disable':
    case 'enable':
    case 'delete':
      return change(sequence, command.act, sequence.clientAt(command.client))
    case 'create':
      return create(sequence, sequence.clientAt(command.client))
  }
}

async function denyByName(sequence: Sequence, { kind, back, seconds }: Command & { act: 'deny' }): Promise<void> {
  const named = nameOf(sequence, kind, back)
  if (!named) return
  const { now } = sequence.reference
  const until = seconds === null ? named.until : now + seconds
  const end = seconds === null ? {} : { expires_at: BEGINS + now + seconds }
  await add(sequence, { [kind]: named.value, ...end }, { kind, value: named.value, until })
}

/** The value that an entry names, and the time from which no such token is left. */
function nameOf(sequence: Sequence, kind: Entry['kind'], back: number): { value: string; until: number } | undefined {
  if (kind === 'sub') return { value: SUBJECTS[back % SUBJECTS.length] ?? '', until: Infinity }
  if (kind === 'client_id') return { value: sequence.clientAt(back % 2).id, until: Infinity }
  if (kind === 'jti') {
    const token = sequence.access.at(-1 - back)?.is
    return token && { value: token.jti, until: token.issuedAt + LIVES.access + SKEW }
  }
  const family = sequence.families.at(-1 - back)?.is
  return family && { value: family.sid, until: family.accessUntil + SKEW }
}

async function denyAccessToken(sequence: Sequence, back: number): Promise<void> {
  const held = sequence.access.at(-1 - back)
  if (!held) return
  const until = held.is.issuedAt + LIVES.access
  if (sequence.reference.now < until && !sequence.reference.isGone(held.is.kid)) {
    return add(sequence, { token: held.text }, { kind: 'jti', value: held.is.jti, until: until + SKEW })
  }
  const { status } = await sequence.session.administrate('POST', '/blacklist', { token: held.text })
  sequence.expect('an entry for a dead token', String(status), '400')
}

async function denyRefreshToken(sequence: Sequence, back: number): Promise<void> {
  const held = sequence.families.at(-1 - back)
  if (!held) return
  const { is: family, tokens } = held
  const isOrphan = !family.client.isThere || family.client.incarnation !== family.incarnation
  // The issuer may have forgotten an expired family.
  if (!isOrphan && sequence.reference.now >= family.createdAt + LIVES.refresh) return
  const body = { token: tokens.at(-1) }
  if (!isOrphan) return add(sequence, body, { kind: 'sid', value: family.sid, until: family.accessUntil + SKEW })
  const { status } = await sequence.session.administrate('POST', '/blacklist', body)
  sequence.expect('an entry for a refresh token without client', String(status), '400')
}

async function add(sequence: Sequence, body: object, entry: Omit<Entry, 'since' | 'isLifted'>): Promise<void> {
  const { status, text } = await sequence.session.administrate('POST', '/blacklist', body)
  sequence.expect(`an entry for a ${entry.kind}`, String(status), '201')
  sequence.entryIds.push((JSON.parse(text) as { id: string }).id) // the contract: the entry with its id
  const families = sequence.families.map(({ is }) => is)
  sequence.reference.deny(entry, families)
}

async function lift(sequence: Sequence, back: number): Promise<void> {
  const entry = sequence.reference.entries.at(-1 - back)
  const id = sequence.entryIds.at(-1 - back)
  if (!entry) return
  const { status } = await sequence.session.administrate('DELETE', `/blacklist/${id}`)
  const isOver = sequence.reference.now >= entry.until
  // An expired entry may have been swept or not.
  if (!isOver || entry.isLifted) sequence.expect('lifting', String(status), entry.isLifted ? '404' : '204')
  entry.isLifted = true
}

async function rotate(sequence: Sequence, emergency: boolean): Promise<void> {
  const { status } = await sequence.session.administrate('POST', '/admin/api/keys/rotate', { emergency })
  sequence.expect('a rotation', String(status), sequence.ring.rotate(emergency, sequence.reference.now))
  await checkKeys(sequence)
}

async function revokeKey(sequence: Sequence, back: number): Promise<void> {
  const key = sequence.ring.keys.at(-1 - back)
  if (!key) return
  const { status } = await sequence.session.administrate('POST', `/admin/api/keys/${key.kid}/revoke`)
  sequence.expect('revoking a key', String(status), '200')
  sequence.ring.revoke(key)
  sequence.reference.revokeKey(key.kid)
  await checkKeys(sequence)
}

async function checkKeys(sequence: Sequence): Promise<void> {
  const fault = sequence.ring.check(await sequence.session.published(), sequence.reference.now)
  sequence.expect('the key set', fault, undefined)
}

async function change(sequence: Sequence, act: 'disable' | 'enable' | 'delete', client: Client): Promise<void> {
  const path = `/admin/api/clients/${client.id}`
  const { status } = await (act === 'delete'
    ? sequence.session.administrate('DELETE', path)
    : sequence.session.administrate('POST', `${path}/${act}`))
  const done = act === 'delete' ? '204' : '200'
  sequence.expect(`${act} ${client.id}`, String(status), client.isThere ? done : '404')
  if (!client.isThere) return
  if (act === 'delete') sequence.reference.remove(client)
  else client.isDisabled = act === 'disable'
}

async function create(sequence: Sequence, client: Client): Promise<void> {
  const body = { client_id: client.id, ...CLIENT_METADATA }
  const { status, body: answer } = await sequence.session.administrate('POST', '/admin/api/clients', body)
  sequence.expect(`create ${client.id}`, String(status), client.isThere ? '409' : '201')
  if (client.isThere) return
  sequence.session.takeSecret(client.id, answer.client_secret ?? '')
  sequence.reference.create(client)
}
