/**
 * Every page as text: what stands in it for password managers and scripts, in every language, with hostile values.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { parse, type DefaultTreeAdapterTypes, type ParserError } from 'parse5'
import { describe, expect, test } from 'vitest'
import { contrastOf } from '../../src/ground/contrast.ts'
import { tonesOf } from '../../src/pages/colour.ts'
import { filesOf } from '../../src/pages/files.ts'
import { chooseLocale } from '../../src/pages/locale.ts'
import { plainLine } from '../../src/pages/plain-text.ts'
import { show } from '../../src/pages/show.ts'
import { styleOf } from '../../src/pages/style.ts'
import { de } from '../../src/pages/texts/de.ts'
import { en } from '../../src/pages/texts/en.ts'
import { zh } from '../../src/pages/texts/zh.ts'
import { textOf, valueOf } from '../support/browser-like.ts'
import { formPost, frameFor, HOSTILE, ORDINARY, PICTURES, type Picture, type Values } from '../support/gallery.ts'

type Element = DefaultTreeAdapterTypes.Element

interface Shown {
  html: string
  faults: string[]
  elements: Element[]
  headers: readonly string[]
}

async function shown(picture: Picture, values: Values, locale = 'en'): Promise<Shown> {
  const frame = frameFor(values, { locale })
  const { body, headers } = await show(frame, picture(frame, values))
  const html = String(body)
  const faults: string[] = []
  const onParseError = ({ code, startLine }: ParserError) => void faults.push(`${code} in line ${startLine}`)
  const elements = [...elementsOf(parse(html, { sourceCodeLocationInfo: true, onParseError }))]
  return { html, faults, elements, headers }
}

function* elementsOf(node: DefaultTreeAdapterTypes.Node): Generator<Element> {
  if ('tagName' in node) yield node
  if ('childNodes' in node) for (const child of node.childNodes) yield* elementsOf(child)
}

const page = (name: string, values = ORDINARY, locale = 'en') =>
  shown(PICTURES[name] ?? expect.unreachable(name), values, locale)

const ALL: [string, Picture][] = [...Object.entries(PICTURES), ['form-post with its script', formPost]]

describe.each(ALL)('%s', (_, picture) => {
  test('is sound markup in every language, with a title, one heading and one main part', async () => {
    for (const [locale, lang] of Object.entries({ en: 'en', de: 'de', zh: 'zh-Hans' }))
      for (const values of [ORDINARY, HOSTILE]) {
        const { faults, elements } = await shown(picture, values, locale)
        expect(faults).toEqual([])
        const count = (tag: string) => elements.filter(({ tagName }) => tagName === tag).length
        expect([count('h1'), count('main'), count('title')]).toEqual([1, 1, 1])
        expect(valueOf(elements.find(({ tagName }) => tagName === 'html') ?? expect.unreachable(), 'lang')).toBe(lang)
      }
  })

  test('has an alert only where there is an error, which is named', async () => {
    const { elements } = await shown(picture, ORDINARY)
    const alerts = elements.filter((each) => valueOf(each, 'role') === 'alert')
    expect(alerts.filter((each) => !valueOf(each, 'data-error'))).toEqual([])
  })

  test('has at most 50 kB with its style sheet and scripts', async () => {
    const { html } = await shown(picture, HOSTILE)
    const files = filesOf({}) // the same for every page
    const bytes = ['style.css', 'page.js', 'passkey.js'].map((name) => files.find(name)?.body.length ?? 0)
    expect(Buffer.byteLength(html) + bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(50_000)
  })

  test('runs no script of a hostile value, and has no inline style or handler', async () => {
    const { html, elements, headers } = await shown(picture, HOSTILE)
    expect(html).not.toContain('<script>alert')
    const nonce = /'nonce-([\w-]+)'/.exec(headers.join(' '))?.[1]
    for (const each of elements) {
      if (each.tagName === 'script') expect(valueOf(each, 'nonce')).toBe(nonce)
      // A build makes modules of them.
      if (valueOf(each, 'src') !== undefined) expect(valueOf(each, 'type')).toBe('module')
      for (const { name, value } of each.attrs) {
        expect(name).not.toMatch(/^on|^style$/)
        if (['href', 'src', 'action'].includes(name)) expect(value).toMatch(/^(\/(?!\/)|#main$|https:\/\/|otpauth:)/)
      }
    }
    // Characters that turn the direction of text are seen nowhere.
    expect(textOf(parse(html))).not.toContain('\u202E')
  })

  test('loads from its own origin alone', async () => {
    const { elements } = await shown(picture, ORDINARY)
    for (const each of elements.filter(({ tagName }) => ['script', 'link', 'img'].includes(tagName)))
      expect(valueOf(each, 'src') ?? valueOf(each, 'href') ?? '/pages/').toMatch(/^\/pages\//)
  })

  test('proves each form of its own, and labels each field', async () => {
    const { elements } = await shown(picture, ORDINARY)
    for (const form of elements.filter(({ tagName }) => tagName === 'form')) {
      expect(valueOf(form, 'method')).toBe('post')
      const fields = [...elementsOf(form)].filter(({ tagName }) => tagName === 'input')
      const names = fields.map((field) => valueOf(field, 'name'))
      if (!valueOf(form, 'action')?.startsWith('https:')) expect(names).toEqual(expect.arrayContaining(['csrf', 'tx']))
    }
    const labels = elements.filter(({ tagName }) => tagName === 'label')
    for (const field of elements.filter(({ tagName }) => ['input', 'select'].includes(tagName))) {
      if (['hidden', 'checkbox'].includes(valueOf(field, 'type') ?? '')) continue
      const id = valueOf(field, 'id')
      const isLabelled = labels.some((label) => valueOf(label, 'for') === id && id !== undefined)
      const isNamed = valueOf(field, 'aria-label') !== undefined || valueOf(field, 'aria-hidden') === 'true'
      expect(isLabelled || isNamed).toBe(true)
    }
  })
})

test('the sign-in form has what password managers and passkeys look for', async () => {
  const { html, elements } = await page('login')
  const field = (name: string) => {
    const found = elements.find((each) => valueOf(each, 'name') === name) ?? expect.unreachable()
    return Object.fromEntries(found.attrs.map(({ name: each, value }) => [each, value]))
  }
  expect(field('username')).toMatchObject({
    type: 'text',
    autocomplete: 'username webauthn',
    autocapitalize: 'none',
    autocorrect: 'off',
    spellcheck: 'false',
    enterkeyhint: 'next',
  })
  expect(field('password')).toMatchObject({
    type: 'password',
    autocomplete: 'current-password webauthn',
    enterkeyhint: 'go',
  })
  expect(field('remember')).toMatchObject({ type: 'checkbox' })
  for (const label of [
    'Username or email',
    'Password',
    'Keep me signed in',
    'Sign in',
    'Cancel',
    'Use a passkey',
    'Forgot password?',
    'Create account',
  ])
    expect(html).toContain(label)
  expect(html).toContain('<title>Sign in to Grafana &ndash; Signet</title>')
  expect(html).not.toMatch(/onpaste/)
})

test('a new password is told apart from a known one, and filed under the user name', async () => {
  for (const name of ['must-change', 'password']) {
    const { html } = await page(name)
    expect(html).toContain('autocomplete="new-password"')
    expect(html).toMatch(/passwordrules="minlength: 12; maxlength: 128; allowed: unicode;"/)
    expect(html).toMatch(
      /name="username" value="ada"[^>]*autocomplete="username" readonly|name="username"[\s\S]{0,40}value="ada"[\s\S]{0,80}readonly/,
    )
  }
})

test('a form says what it does: a first password is set, a later one is changed', async () => {
  const buttonOf = async (name: string) =>
    textOf(
      (await page(name)).elements.find((each) => valueOf(each, 'value') === 'change-password') ?? expect.unreachable(),
    )
  expect(await buttonOf('password')).toContain('Change password')
  expect(await buttonOf('password-none')).toContain('Set password')
})

test('a wrong recovery code is not told to be one of the app', async () => {
  const alertOf = async (name: string) => {
    const alert = (await page(name)).elements.find((each) => valueOf(each, 'data-error') === 'invalid_code')
    return textOf(alert ?? expect.unreachable())
  }
  expect(await alertOf('recovery-wrong')).toContain(en.recovery.wrong)
  expect(await alertOf('second-wrong')).toContain('Take the next one that the app shows')
})

test('no help stands below a user name that cannot be changed', async () => {
  expect((await page('invite')).html).toContain('id="username-hint"')
  expect((await page('invite-named')).html).not.toContain('username-hint')
})

test('a link that was used leads on to the sign-in', async () => {
  const { elements } = await page('error-link-used')
  const [way] = elements.filter((each) => valueOf(each, 'href') === '/account')
  expect(way && textOf(way)).toBe('Sign in')
})

test('a code has one field, which phones fill', async () => {
  const { elements } = await page('second')
  const codes = elements.filter((each) => valueOf(each, 'name') === 'code')
  expect(codes).toHaveLength(1)
  const [code = expect.unreachable()] = codes
  expect([valueOf(code, 'inputmode'), valueOf(code, 'autocomplete')]).toEqual(['numeric', 'one-time-code'])
})

test('an authenticator app gets its secret as a picture, as text and as a link; recovery codes are a list', async () => {
  const { elements, html } = await page('two-factor-setup')
  const secret = elements.find((each) => valueOf(each, 'data-secret') !== undefined)
  expect(
    secret?.childNodes
      .map((node) => ('value' in node ? node.value : ''))
      .join('')
      .trim(),
  ).toMatch(/^[A-Z2-7]{32}$/)
  expect(secret && valueOf(secret, 'data-secret')).toBe(secret && textOf(secret).trim())
  // In fours for the eye, and in one piece for whoever copies it.
  const typed = elements.find((each) => valueOf(each, 'class')?.split(' ').includes('fours'))
  const fours = [...elementsOf(typed ?? expect.unreachable())].slice(1).map(textOf).filter(Boolean)
  expect(fours).toEqual(Array.from({ length: 8 }, () => expect.stringMatching(/^[A-Z2-7]{4}$/)))
  expect(typed && textOf(typed)).toBe(secret && textOf(secret))
  expect(html).toContain('role="img"')
  expect(elements.some((each) => valueOf(each, 'href')?.startsWith('otpauth://totp/'))).toBe(true)
  const list = (await page('two-factor-codes')).elements.find(
    (each) => valueOf(each, 'data-recovery-codes') !== undefined,
  )
  expect(list?.tagName).toBe('ol')
  expect([...elementsOf(list ?? expect.unreachable())].filter(({ tagName }) => tagName === 'li')).toHaveLength(10)
})

test('an error is an alert with its code, and a form keeps what was typed but the password', async () => {
  for (const [name, code] of Object.entries({
    'login-wrong': 'invalid_credentials',
    'login-wait': 'too_many_attempts',
    'second-wrong': 'invalid_code',
    'must-change-weak': 'weak_password',
    'signup-taken': 'username_taken',
    'error-unknown-client': 'unknown_client',
    'not-allowed': 'not_allowed',
    mismatch: 'redirect_uri_mismatch',
  })) {
    const { elements } = await page(name)
    const alerts = elements.filter(
      (each) => valueOf(each, 'role') === 'alert' && valueOf(each, 'data-error') !== undefined,
    )
    expect(alerts.map((each) => valueOf(each, 'data-error'))).toEqual([code])
  }
  const { elements } = await page('login-wrong')
  const value = (name: string) =>
    elements.flatMap((each) => (valueOf(each, 'name') === name ? [valueOf(each, 'value')] : []))
  expect([value('username'), value('password')]).toEqual([['ada'], [undefined]])
})

test('consent names the client, the redirect host and the scopes; its first button answers, and none is chosen', async () => {
  const { html, elements } = await page('consent')
  for (const text of ['Grafana', 'grafana.example.com', 'See your email address', 'Not you?', 'Ada Lovelace'])
    expect(html).toContain(text)
  const buttons = elements.filter(({ tagName }) => tagName === 'button').map((each) => valueOf(each, 'value'))
  expect(buttons).toEqual(['allow', 'deny', 'switch'])
  expect(elements.some((each) => valueOf(each, 'autofocus') !== undefined)).toBe(false)
  expect((await page('consent-local')).html).toContain('data-warning="localhost"')
})

test('pages with a client behind them have no form-action; others lead to themselves', async () => {
  const formActionOf = async (name: string, hasClient: boolean) => {
    const made = frameFor(ORDINARY)
    const frame = hasClient ? made : { ...made, client: undefined }
    const { headers } = await show(frame, (PICTURES[name] ?? expect.unreachable(name))(frame, ORDINARY))
    return /form-action ([^;]*)/.exec(headers[headers.indexOf('Content-Security-Policy') + 1] ?? '')?.[1]
  }
  for (const name of ['login', 'second', 'recovery', 'consent', 'mismatch']) {
    expect(await formActionOf(name, true), name).toBeUndefined()
    expect(await formActionOf(name, false), name).toBeUndefined()
  }
  for (const name of ['enrol', 'must-change', 'not-allowed', 'signup', 'invite']) {
    expect(await formActionOf(name, true), name).toBeUndefined()
    expect(await formActionOf(name, false), name).toBe("'self'")
  }
  for (const name of ['account', 'profile', 'password', 'passkeys', 'signed-out', 'link', 'logout'])
    expect(await formActionOf(name, false), name).toBe("'self'")
  const { headers } = await shown(formPost, ORDINARY)
  expect(headers.join(' ')).toContain('form-action https://grafana.example.com')
})

test('a language is chosen by the request, then by the person, then by the browser, then by the operator', () => {
  const choose = chooseLocale
  expect(choose({ uiLocales: ['se', 'de-AT'], ofPerson: 'zh', acceptLanguage: 'en' })).toBe('de')
  expect(choose({ uiLocales: ['se'], ofPerson: 'zh-CN', acceptLanguage: 'de' })).toBe('zh')
  expect(choose({ acceptLanguage: 'fr, de;q=0.8, en;q=0.9' })).toBe('en')
  expect(choose({ acceptLanguage: 'fr;q=x, *, de;q=0', standard: 'zh' })).toBe('zh')
  expect(choose({})).toBe('en')
})

test('German and Chinese say the same things in words of their own', () => {
  const texts = (value: unknown): string[] =>
    typeof value === 'string'
      ? [value]
      : typeof value === 'function'
        ? [String(value('X', 'Y'))]
        : value !== null && typeof value === 'object' && !Array.isArray(value)
          ? Object.values(value).flatMap(texts)
          : []
  const [english, german, chinese] = [en, de, zh].map(texts)
  expect(german).toHaveLength(english?.length ?? 0)
  expect(chinese).toHaveLength(english?.length ?? 0)
  const same = (english ?? []).filter((text, at) => text !== '' && text === german?.[at])
  // Words that German has taken over.
  expect(same.filter((text) => !['Name', 'Apps', 'Passkeys', 'X'].includes(text))).toEqual([])
  expect((chinese ?? []).filter((text) => !['', 'X'].includes(text) && !/\p{Script=Han}/u.test(text))).toEqual([])
})

test('any colour of the operator can be read, on light pages and dark ones', () => {
  for (const colour of [
    '#0a6c5c',
    '#1d5fd1',
    '#ffd400',
    '#ffffff',
    '#000000',
    '#7f7f7f',
    '#ff0000',
    '#00ff00',
    '#0000ff',
  ])
    for (const background of ['#f3f2ee', '#21252b']) {
      const { fill, strong, onFill, text } = tonesOf(colour, background)
      expect(contrastOf(text, background)).toBeGreaterThanOrEqual(4.5)
      expect(contrastOf(fill, background)).toBeGreaterThanOrEqual(3)
      expect(contrastOf(onFill, fill)).toBeGreaterThanOrEqual(4.5)
      expect(contrastOf(onFill, strong)).toBeGreaterThanOrEqual(4.5)
    }
  expect(styleOf('#ffd400')).not.toBe(styleOf('#1d5fd1'))
})

describe('a name of another party', () => {
  const ZWNJ = '\u200C'
  const ZWJ = '\u200D'

  test.each([
    ['Persian, whose words have a joiner within', `\u0646\u0631${ZWNJ}\u0627\u0641\u0632\u0627\u0631`],
    ['Hindi, with a joiner behind its virama', `\u0915\u094D${ZWJ}\u0937`],
    ['Persian, with a joiner behind a vowel mark', `\u0646\u064E${ZWNJ}\u0627`],
    ['a family of emoji', `\u{1F468}${ZWJ}\u{1F469}${ZWJ}\u{1F467}`],
    ['an emoji with a tone of skin and a profession', `\u{1F469}\u{1F3FD}${ZWJ}\u{1F680}`],
  ])('keeps its form: %s', (_, name) => {
    expect(plainLine(name)).toBe(name)
  })

  test.each([
    ['a joiner between Latin letters', `Sig${ZWNJ}net`, 'Sig net'],
    ['a joiner between Latin and Arabic letters', `g${ZWJ}\u0627`, 'g \u0627'],
    ['several joiners at once', `\u0646${ZWNJ}${ZWNJ}\u0627`, '\u0646 \u0627'],
    ['a joiner at the end', `\u0646${ZWNJ}`, '\u0646'],
    ['a zero width space', 'Sig\u200Bnet', 'Sig net'],
    ['a direction mark', 'ada\u202Enimda', 'ada nimda'],
    ['a direction mark between Arabic letters', '\u0646\u200F\u0627', '\u0646 \u0627'],
    ['a word joiner', 'Sig\u2060net', 'Sig net'],
    ['a soft hyphen, which is dropped', 'Gra\u00ADfana', 'Grafana'],
  ])('does not deceive: %s', (_, name, expected) => {
    expect(plainLine(name)).toBe(expected)
  })
})
