/** A declarative file in one write: the facts that it depends on are read, it is planned, and its operations are performed. */
import { foldedName } from '../../ground/folded-name.ts'
import { find, time, type Act, type Engine } from '../engine.ts'
import { users as userTable } from '../tables/people.ts'
import type {
  DeclaredClientFacts,
  DeclaredFacts,
  DeclaredGroupFacts,
  DeclaredIds,
  DeclaredName,
  DeclaredResourceFacts,
  DeclaredUserFacts,
} from '../records/declared.ts'
import type { DeclaredOperation, Store } from '../store.ts'
import { endedClients } from '../tables/clients.ts'
import { deletedResources } from '../tables/resources.ts'
import { findClient } from './client-rows.ts'
import {
  createClient,
  deleteClient,
  disableClient,
  listClients,
  listEndedSecrets,
  listLiveOfPerson,
  updateClient,
} from './clients.ts'
import { changeGroup, createGroup, deleteGroup, list as listGroups, wasGroupEnded } from './groups.ts'
import { findGroup, findPerson } from './people-rows.ts'
import { changeUser, createUser, isTakenId, wasEnded } from './users.ts'
import { createResource, deleteResource, listResources, updateResource } from './resources.ts'

type Verbs = Pick<Store, 'readDeclared' | 'applyDeclared'>

export const declaredVerbs = (engine: Engine): Verbs => ({
  readDeclared: (ids) => engine.read(() => readFacts(ids), 'operator'),
  applyDeclared: (ids, plan) =>
    engine.act(
      function* () {
        const planned = plan(yield* readFacts(ids))
        for (const operation of planned.operations) yield* perform(operation)
        return planned
      },
      'exclusive',
      'operator',
    ),
})

function* readFacts(ids: DeclaredIds): Act<DeclaredFacts> {
  const all = new Map((yield* listResources()).map((resource) => [resource.id, resource]))
  const resources: [string, DeclaredResourceFacts][] = []
  for (const id of ids.resources) {
    const isEnded = (yield* find(deletedResources, { id, isEnded: true })) !== undefined
    resources.push([id, { current: all.get(id), isEnded }])
  }
  const clients: [string, DeclaredClientFacts][] = []
  for (const id of ids.clients) clients.push([id, yield* readClientFacts(id)])
  const groups: [string, DeclaredGroupFacts][] = []
  for (const name of ids.groups ?? [])
    groups.push([name, { current: yield* findGroup(name), isEnded: yield* wasGroupEnded(name) }])
  const users: [string, DeclaredUserFacts][] = []
  for (const declared of ids.users ?? []) users.push([declared.username, yield* readUserFacts(declared)])
  const allGroups = ids.groups || ids.users || ids.isWithStanding ? yield* listGroups() : []
  return {
    ...(ids.isWithStanding && {
      standing: { clients: yield* listClients(), resources: [...all.values()], groups: allGroups },
    }),
    groupNames: new Set(allGroups.map(({ name }) => name)),
    groups: new Map(groups),
    users: new Map(users),
    now: yield* time(),
    resourceIds: new Set(all.keys()),
    resources: new Map(resources),
    clients: new Map(clients),
  }
}

function* readClientFacts(clientId: string): Act<DeclaredClientFacts> {
  const current = yield* findClient(clientId)
  return {
    current,
    isEnded: (yield* find(endedClients, { clientId })) !== undefined,
    endedSecrets: yield* listEndedSecrets(clientId),
    liveGrants: current ? 0 : (yield* listLiveOfPerson(clientId, yield* time())).length,
    isUser: !current && (yield* findPerson({ id: clientId })) !== undefined,
  }
}

function* readUserFacts({ username, id, email: declared }: DeclaredName): Act<DeclaredUserFacts> {
  const current = yield* findPerson({ username })
  const email = declared === undefined ? current?.user.email : declared
  return {
    current,
    isEnded: yield* wasEnded({ username, id }),
    isIdTaken: id !== undefined && (yield* isTakenId(id)),
    hasId: id === undefined ? undefined : yield* find(userTable, { id }),
    hasNameAsId: yield* find(userTable, { id: username }),
    hasEmail: email ? yield* find(userTable, { emailKey: foldedName(email) }) : undefined,
  }
}

const DONE: ReadonlySet<string> = new Set(['created', 'changed', 'deleted'])

/** @throws Error where the record is not as the plan says, which has read it in this transaction; then nothing is written */
function* perform(operation: DeclaredOperation): Act<void> {
  const outcome = yield* outcomeOf(operation)
  if (!DONE.has(outcome)) throw new Error(`${operation.verb} found another record than its plan: ${outcome}`)
}

function* outcomeOf(operation: DeclaredOperation): Act<string> {
  switch (operation.verb) {
    case 'createResource':
      return yield* createResource(...operation.needs)
    case 'updateResource':
      return outcomeOfChange(yield* updateResource(...operation.needs))
    case 'deleteResource':
      return (yield* deleteResource(...operation.needs)).outcome
    case 'createClient':
      return (yield* createClient(...operation.needs)).outcome
    case 'updateClient':
      return outcomeOfChange(yield* updateClient(...operation.needs))
    case 'disableClient':
      return outcomeOfChange(yield* disableClient(...operation.needs))
    case 'deleteClient':
      return yield* deleteClient(...operation.needs)
    case 'createGroup':
      return yield* createGroup(...operation.needs)
    case 'changeGroup':
      return outcomeOfChange(yield* changeGroup(...operation.needs))
    case 'deleteGroup':
      return yield* deleteGroup(...operation.needs)
    case 'createUser':
      return (yield* createUser(...operation.needs)).outcome
    case 'changeUser':
      return (yield* changeUser(...operation.needs)).outcome
  }
}

/** Never the record's own id, which may read like an outcome. */
const outcomeOfChange = (changed: object | undefined): string => (changed ? 'changed' : 'unknown')
