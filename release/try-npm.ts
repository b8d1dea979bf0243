/** The tarballs for npm as their users meet them: installed into empty projects, each with a Node of its own. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { startServing } from '../harness/program.ts'
import type { OnEnd } from '../harness/folder.ts'
import { ReleaseFault, run, type Place } from './tools.ts'

/** Releases of Node, as npm packages. Signet needs the newer one, its verifier runs on both. */
const NODES = { older: 'node@22', newer: 'node@24' } as const

export interface Tarballs {
  /** Whole paths. */
  issuer: string
  verifier: string
}

/** Tries both packages on both releases of Node. @returns a line for each trial @throws ReleaseFault at the first that fails */
export async function tryTarballs({ issuer, verifier }: Tarballs, work: string, onEnd: OnEnd): Promise<string[]> {
  const older = emptyProject(join(work, 'node-22'), [NODES.older, verifier])
  const refused = emptyProject(join(work, 'issuer-on-22'), [NODES.older, issuer])
  const newer = emptyProject(join(work, 'node-24'), [NODES.newer, verifier])
  const serving = emptyProject(join(work, 'issuer-on-24'), [NODES.newer, issuer])
  return [
    verifies(older),
    verifies(newer),
    refusesToRun(refused),
    await serves(serving, onEnd),
    unpacked(issuer, join(work, 'unpacked')),
  ]
}

/** A project with these packages and nothing else; the environment finds its Node first. */
interface Project {
  folder: string
  place: Place
}

/** Makes a project in a folder that does not exist yet. No install script runs, but that of `node`, which brings Node. */
function emptyProject(folder: string, packages: string[]): Project {
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'package.json'),
    '{ "name": "empty", "private": true, "allowScripts": { "node": true } }\n',
  )
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd: folder })
  const path = [join(folder, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  return { folder, place: { cwd: folder, env: { PATH: path } } }
}

/** Signs tokens, and has the package verify them, a token that somebody changed included. */
function verifies({ folder, place }: Project): string {
  copyFileSync(join(import.meta.dirname, 'try-verify.mjs'), join(folder, 'try-verify.mjs'))
  return `signet-verify: ${run('node', ['try-verify.mjs'], place).trim()}`
}

/** An older Node is told in words, and not by a stack. */
function refusesToRun({ place }: Project): string {
  const said = run('sh', ['-c', 'signet --version 2>&1; echo "exit $?"'], place).trim().split('\n')
  const told = said[0]?.startsWith('signet: needs Node 24') === true && said.at(-1) === 'exit 1'
  if (!told) throw new ReleaseFault('signet on Node 22 does not say what it needs', said.join('\n'))
  return `signet-issuer: ${said[0]}`
}

/** As docs/operating.md installs a service: unpacked, with exactly the packages of its lock file. */
function unpacked(tarball: string, folder: string): string {
  mkdirSync(folder)
  run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1'])
  run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder })
  const version = run(process.execPath, [join(folder, 'dist/signet.js'), '--version'], { cwd: folder }).trim()
  return `signet-issuer: ${version} runs unpacked, with the packages of its lock file`
}

interface FirstClient {
  client_id: string
  client_secret: string
}

/** `npx signet serve` in the empty folder: a first client, a token for it, and an end in good order. */
async function serves({ folder, place }: Project, onEnd: OnEnd): Promise<string> {
  const version = run('npx', ['signet', '--version'], place).trim()
  const env = { ...process.env, ...place.env, SIGNET_PORT: '0', SIGNET_LOG_FORMAT: 'json' }
  const program = { program: join(folder, 'node_modules/.bin/signet'), args: ['serve'], cwd: folder, env }
  const server = await startServing(program, /^\{.*?"url":"(http[^"]+)"/m, onEnd)
  const { first_client: client } = JSON.parse(server.stdout()) as { first_client: FirstClient } // the greeting of a first start
  const token = await post(`${server.url}/token`, client, { grant_type: 'client_credentials', scope: 'demo:read' })
  const state = await post(`${server.url}/introspect`, client, { token: String(token.access_token) })
  if (state.active !== true) throw new ReleaseFault('the first token is not active', JSON.stringify({ token, state }))
  const exit = await server.stop()
  if (exit !== 0) throw new ReleaseFault(`the server ended with ${exit}`, server.stderr())
  for (const made of ['keys/master.key', 'data/signet.db']) readFileSync(join(folder, made))
  return `signet-issuer: ${version} serves in an empty folder, and its first client has an active token`
}

async function post(
  url: string,
  { client_id, client_secret }: FirstClient,
  form: Record<string, string>,
): Promise<Record<string, unknown>> {
  const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
  const response = await fetch(url, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) })
  return (await response.json()) as Record<string, unknown> // OAuth answers are JSON objects (RFC 6749 §5)
}
