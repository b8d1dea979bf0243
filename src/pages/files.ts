/**
 * The files of pages: style sheet, scripts, logo and icon, made once for a configuration. `?v=` is the tag of the bytes,
 * so a changed file has another address, and browsers keep each for good.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readPicture } from '../ground/picture.ts'
import { answerDocument } from '../http/public-document.ts'
import type { PageHandler } from './handler.ts'
import { PageFault } from '../http/page-fault.ts'
import type { FrameNeeds, PageSettings } from './frame-needs.ts'
import { iconOf } from './icon.ts'
import { styleOf } from './style.ts'

export type FileName = 'style.css' | 'page.js' | 'passkey.js' | 'icon.svg' | 'logo'

interface PageFile {
  type: string
  body: string | Buffer
  version: string
}

export interface PageFiles {
  /** Below the issuer's path. */
  addressOf(name: FileName): string
  find(name: string): PageFile | undefined
  hasLogo: boolean
}

const SCRIPT = 'text/javascript; charset=utf-8'

const made = new WeakMap<PageSettings, PageFiles>()

export function filesOf(settings: PageSettings): PageFiles {
  const known = made.get(settings) ?? makeFiles(settings)
  made.set(settings, known)
  return known
}

function makeFiles(settings: PageSettings): PageFiles {
  const files = new Map<string, PageFile>([
    ['style.css', fileOf('text/css; charset=utf-8', styleOf(settings.brandColor))],
    ['page.js', fileOf(SCRIPT, scriptOf('page'))],
    ['passkey.js', fileOf(SCRIPT, scriptOf('passkey'))],
    ['icon.svg', fileOf('image/svg+xml', iconOf(settings))],
  ])
  const logo = logoOf(settings.brandLogo)
  if (logo) files.set('logo', logo)
  return {
    addressOf: (name) => `/pages/${name}?v=${files.get(name)?.version ?? ''}`,
    find: (name) => files.get(name),
    hasLogo: logo !== undefined,
  }
}

const fileOf = (type: string, body: string | Buffer): PageFile => ({
  type,
  body,
  version: createHash('sha256').update(body).digest('base64url').slice(0, 22),
})

const scriptOf = (name: string): string => readFileSync(new URL(`scripts/${name}.js`, import.meta.url), 'utf8')

/** If a picture cannot be read any more, pages show the name alone, and are not refused. */
function logoOf(logo: string | undefined): PageFile | undefined {
  if (logo === undefined) return undefined
  const inline = /^data:(image\/[a-z+]+);base64,([\w+/=]+)$/.exec(logo)
  if (inline) return fileOf(inline[1] ?? '', Buffer.from(inline[2] ?? '', 'base64'))
  const picture = readPicture(logo)
  return 'bytes' in picture ? fileOf(picture.type, picture.bytes) : undefined
}

/** A picture may hold markup of its own, which may load nothing and run nothing. */
const POLICY = ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox"]

/** GET /pages/:file */
export function showFile({ config }: FrameNeeds): PageHandler<'file'> {
  return (call) => {
    const file = filesOf(config).find(call.params.file)
    if (!file) throw new PageFault('not_found', 404)
    const isExact = call.sent.get('v') === file.version
    const cacheControl = isExact ? 'public, max-age=31536000, immutable' : 'public, no-cache'
    return answerDocument(
      call,
      { body: file.body, etag: `"${file.version}"` },
      { cacheControl, type: file.type, headers: POLICY },
    )
  }
}
