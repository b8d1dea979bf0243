/**
 * The manifests for Kubernetes, against its schemas, which come with an npm package. No cluster is needed, and none is
 * asked. So this does not check what only a cluster knows: admission rules, images, and whether the parts find each other.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as appsV1 from 'kubernetes-models/apps/v1'
import * as policyV1 from 'kubernetes-models/policy/v1'
import * as coreV1 from 'kubernetes-models/v1'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { startAdministered } from './support/admin.ts'
import { request } from './support/client.ts'
import { configOf } from './support/deployed.ts'
import { temporaryFolder } from './support/issuer.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const MANIFESTS = readdirSync(join(ROOT, 'deploy/kubernetes')).toSorted()

const Named = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({ name: z.string() }) })
const manifests = MANIFESTS.map((file) => ({ file, value: Named.parse(parse(read(`deploy/kubernetes/${file}`))) }))

/** By `apiVersion` and `kind`: the module that has the schema. */
const MODELS: Record<string, Record<string, unknown>> = { 'apps/v1': appsV1, 'policy/v1': policyV1, v1: coreV1 }

const Model = z.custom<new (value: object) => { validate(): void }>((it) => typeof it === 'function')
const modelOf = ({ apiVersion, kind }: z.infer<typeof Named>) => Model.parse(MODELS[apiVersion]?.[kind])

/** The messages of the schema: types, formats, and members that are missing. */
function schemaFaults(value: z.infer<typeof Named>): string {
  try {
    ;new (modelOf(value))(value).validate()
    return ''
  } catch (error) {
    return String(error)
  }
}

/** The messages of the compiler about members that do not exist: the schemas themselves allow any further member. */
function memberFaults(values: z.infer<typeof Named>[]): string {
  const folder = temporaryFolder()
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const lines = values.map(({ apiVersion, kind, ...rest }, at) => {
    const place = apiVersion.includes('/') ? apiVersion : 'v1'
    const members = JSON.stringify({ apiVersion, kind, ...rest })
    return `import type { I${kind} as Kind${at} } from 'kubernetes-models/${place}'\nexport const value${at}: Kind${at} = ${members}\n`
  })
  writeFileSync(join(folder, 'manifests.ts'), lines.join(''))
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', '']
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, ...options, 'manifests.ts'], {
    cwd: folder,
    encoding: 'utf8',
  })
  return stdout + stderr
}

test('every manifest fits the schemas of Kubernetes, and has no member that they do not know', () => {
  expect(manifests.map(({ value }) => value.kind).toSorted()).toEqual([
    'Deployment',
    'PodDisruptionBudget',
    'Secret',
    'Service',
  ])
  for (const { file, value } of manifests) expect(schemaFaults(value), file).toBe('')
  expect(memberFaults(manifests.map(({ value }) => value))).toBe('')
}, 60_000)

test('a manifest with a misspelt member or a wrong value is noticed', () => {
  const [deployment] = manifests.filter(({ value }) => value.kind === 'Deployment')
  const bent = (change: (text: string) => string) => Named.parse(JSON.parse(change(JSON.stringify(deployment?.value))))
  const misspelt = bent((text) => text.replace('readinessProbe', 'redinessProbe'))
  expect(memberFaults([misspelt])).toMatch(/redinessProbe.* does not exist/)
  expect(schemaFaults(bent((text) => text.replace('"replicas":2', '"replicas":"2"')))).toContain('must be integer')
  expect(schemaFaults(bent((text) => text.replace('"1Gi"', '"1 Gi"')))).toContain('quantity')
}, 60_000)

const Labels = z.record(z.string(), z.string())
const Probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }), periodSeconds: z.number() })
const Deployment = z.object({
  spec: z.object({
    replicas: z.number(),
    selector: z.object({ matchLabels: Labels }),
    strategy: z.object({ rollingUpdate: z.object({ maxUnavailable: z.number(), maxSurge: z.number() }) }),
    template: z.object({
      metadata: z.object({ labels: Labels }),
      spec: z.object({
        automountServiceAccountToken: z.boolean(),
        enableServiceLinks: z.boolean(),
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.object({
          runAsNonRoot: z.boolean(),
          runAsUser: z.number(),
          seccompProfile: z.object({ type: z.string() }),
        }),
        topologySpreadConstraints: z.array(z.object({ labelSelector: z.object({ matchLabels: Labels }) })),
        containers: z.tuple([
          z.object({
            image: z.string(),
            ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
            env: z.array(z.object({ name: z.string(), value: z.string() })),
            startupProbe: Probe,
            livenessProbe: Probe,
            readinessProbe: Probe,
            lifecycle: z.object({ preStop: z.object({ exec: z.object({ command: z.array(z.string()) }) }) }),
            resources: z.object({ requests: Labels, limits: Labels }),
            securityContext: z.object({
              allowPrivilegeEscalation: z.boolean(),
              readOnlyRootFilesystem: z.boolean(),
              capabilities: z.object({ drop: z.array(z.string()) }),
            }),
            volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
          }),
        ]),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
  }),
})
const manifest = (kind: string): unknown => manifests.find(({ value }) => value.kind === kind)?.value
const { spec } = Deployment.parse(manifest('Deployment'))
const pod = spec.template.spec
const [container] = pod.containers

test('the objects of Kubernetes mean the same pods, and a node that is drained leaves one replica', () => {
  const { labels } = spec.template.metadata
  const Service = z.object({
    spec: z.object({ selector: Labels, ports: z.array(z.object({ targetPort: z.string() })) }),
  })
  const Budget = z.object({ spec: z.object({ selector: z.object({ matchLabels: Labels }), minAvailable: z.number() }) })
  const service = Service.parse(manifest('Service')).spec
  const budget = Budget.parse(manifest('PodDisruptionBudget')).spec
  const spread = pod.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels)
  for (const selector of [spec.selector.matchLabels, service.selector, budget.selector.matchLabels, ...spread])
    expect(selector).toEqual(labels)
  expect(service.ports.map(({ targetPort }) => targetPort)).toEqual(container.ports.map(({ name }) => name))
  expect(spec.replicas).toBeGreaterThan(budget.minAvailable)
  expect(spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 })
})

test('a pod may do nothing but serve: no privilege, no token of the cluster, no writable root', () => {
  expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  // The user of the image, and the folders that it declares as volumes.
  const dockerfile = read('deploy/Dockerfile')
  expect(dockerfile).toContain(`USER ${pod.securityContext.runAsUser}:`)
  const volumes = z.array(z.string()).parse(JSON.parse(/^VOLUME (.*)$/m.exec(dockerfile)?.[1] ?? ''))
  const mounted = container.volumeMounts.map(({ mountPath }) => mountPath)
  expect(mounted).toEqual(expect.arrayContaining(volumes))
  const named = new Set(pod.volumes.map(({ name }) => name))
  expect(container.volumeMounts.filter(({ name }) => !named.has(name))).toEqual([])
})

test('a pod is asked where Signet answers, and has the time to stop', async () => {
  const issuer = await startAdministered()
  const { startupProbe, livenessProbe, readinessProbe, ports } = container
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
    expect(ports.map(({ name }) => name)).toContain(httpGet.port)
    // Kubernetes names the pod's own address.
    const answer = await request(`${issuer.url}${httpGet.path}`, { headers: { host: '10.1.2.3:3000' } })
    expect(answer.status).toBe(200)
  }
  expect(livenessProbe.httpGet.path).toBe('/livez')
  expect(readinessProbe.httpGet.path).toBe('/readyz')
  const waits = Number(container.lifecycle.preStop.exec.command.at(-1))
  expect(waits).toBeGreaterThan(readinessProbe.periodSeconds)
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(waits + 10)
})

test('the variables of a pod are ones that Signet knows, and its secrets are files', () => {
  const variables = Object.fromEntries(container.env.map(({ name, value }) => [name, value]))
  const config = configOf(variables, temporaryFolder())
  expect(config.issuer).toBe('https://auth.example.com')
  expect(container.ports.map(({ containerPort }) => containerPort)).toEqual([config.port])
  const Secret = z.object({ stringData: Labels })
  const { stringData } = Secret.parse(manifest('Secret'))
  const place = container.volumeMounts.find(({ name }) => name === 'secrets')?.mountPath
  const files = Object.entries(variables).flatMap(([name, value]) => (name.endsWith('_FILE') ? [value] : []))
  expect(files.toSorted()).toEqual(
    Object.keys(stringData)
      .map((name) => `${place}/${name}`)
      .toSorted(),
  )
  // A template: nothing that could be taken for a secret.
  expect(Object.values(stringData).join()).toMatch(/PASSWORD.*REPLACE_WITH/s)
})
