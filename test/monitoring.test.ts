/** The dashboard and the alert rules: they ask for what is served, and each alert leads to a runbook that exists. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { request } from './support/client.ts'
import { startTestIssuer, temporaryFolder } from './support/issuer.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const Rules = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Signet[A-Z][A-Za-z]+$/),
          expr: z.string(),
          for: z.string().regex(/^\d+[mh]$/),
          labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.strictObject({
            summary: z.string().min(20),
            description: z.string().min(20),
            runbook: z.string().startsWith('docs/operating.md#'),
          }),
        }),
      ),
    }),
  ),
})
const Panel = z.looseObject({
  id: z.number(),
  type: z.string(),
  title: z.string().min(3),
  description: z.string().min(20),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z
    .array(z.looseObject({ expr: z.string(), refId: z.string(), datasource: z.object({ uid: z.string() }) }))
    .min(1),
})
const Dashboard = z.looseObject({
  title: z.literal('Signet'),
  schemaVersion: z.number(),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), type: z.string() })) }),
  panels: z.array(Panel).min(12),
})

const alerts = Rules.parse(parse(read('deploy/prometheus-alerts.yml'))).groups.flatMap(({ rules }) => rules)
const dashboard = Dashboard.parse(JSON.parse(read('deploy/grafana-dashboard.json')))
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

const metricsIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/\b(?:signet|process|nodejs)_[a-z0-9_]+\b/g)].map(([name]) => name)),
]

/** Names as they are asked for, from the `# TYPE` lines: a histogram is three series. */
const servedNames = (exposition: string): Set<string> =>
  new Set(
    [...exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', kind]) =>
      kind === 'histogram' ? ['', '_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    ),
  )

test.each([
  ['the alert rules', () => alerts.map(({ expr }) => expr).join('\n')],
  ['the dashboard', () => JSON.stringify(dashboard)],
  ['the operating manual', () => /## Read the metrics\n(.*?)\n## /s.exec(read('docs/operating.md'))?.[1] ?? ''],
])('every metric that is named by %s is served', async (_name, text) => {
  const issuer = await startTestIssuer()
  const { status, text: exposition } = await request(`${issuer.url}/metrics`)
  expect(status).toBe(200)
  const served = servedNames(exposition)
  const asked = metricsIn(text())
  expect(asked.length).toBeGreaterThan(9)
  expect(asked.filter((name) => !served.has(name))).toEqual([])
})

/** As GitHub makes a heading's anchor. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-')

test.each(alerts)('the runbook of $alert exists', ({ annotations }) => {
  const headings = [...read('docs/operating.md').matchAll(/^## (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))
  expect(headings).toContain(annotations.runbook.split('#')[1])
})

test('each alert is named in the runbook that it leads to', () => {
  const sections = read('docs/operating.md').split(/^## /m)
  const lost = alerts.filter(({ alert, annotations }) => {
    const anchor = annotations.runbook.split('#')[1]
    return !sections.find((section) => anchorOf(section.split('\n')[0] ?? '') === anchor)?.includes(`\`${alert}\``)
  })
  expect(lost.map(({ alert }) => alert)).toEqual([])
})

test('for each alert it is written down what makes it fire', () => {
  const cases = read('deploy/prometheus-alerts.test.yml')
  expect(alerts.filter(({ alert }) => !cases.includes(`alertname="${alert}"`)).map(({ alert }) => alert)).toEqual([])
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
})

test('the dashboard can be imported anywhere: every query goes to the data source that the reader chose', () => {
  expect(dashboard.templating.list).toContainEqual(expect.objectContaining({ name: 'datasource', type: 'datasource' }))
  const chosen = dashboard.panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource.uid))
  expect(new Set(chosen)).toEqual(new Set(['${datasource}'])) // eslint-disable-line no-template-curly-in-string
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
})

const promtool = (args: string[]) => spawnSync('promtool', args, { cwd: join(ROOT, 'deploy'), encoding: 'utf8' })
const hasPromtool = promtool(['--version']).status === 0
const orWhy = hasPromtool ? '' : ' (skipped: promtool is not installed)'

test.skipIf(!hasPromtool)(`Prometheus takes the rules, and each fires when it should and not else${orWhy}`, () => {
  for (const args of [
    ['check', 'rules', 'prometheus-alerts.yml'],
    ['test', 'rules', 'prometheus-alerts.test.yml'],
  ]) {
    const { status, stdout, stderr } = promtool(args)
    expect(status, `${stdout}${stderr}`).toBe(0)
  }
})

test.skipIf(!hasPromtool)(`Prometheus understands every query of the dashboard${orWhy}`, () => {
  const rules = queries.map((expr, n) => ({
    record: `query_${n}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  }))
  const file = join(temporaryFolder(), 'queries.yml')
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  const { status, stdout, stderr } = promtool(['check', 'rules', file])
  expect(status, `${stdout}${stderr}`).toBe(0)
})
