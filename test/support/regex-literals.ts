/** Finds every regular expression literal in a source file. It reads the text as TypeScript does, and needs no list. */

export interface RegexLiteral {
  source: string
  flags: string
  /** The line of the file on which it stands, from 1. */
  line: number
}

/** After these words a slash begins a regular expression; after every other word it divides. */
const BEFORE_EXPRESSION = new Set(
  'return typeof instanceof in of new delete void throw case do else yield await default extends'.split(' '),
)

/** Characters that can stand in a word or a number. */
const isWordCharacter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}_$#]/u.test(character)

/** Reads one source text. */
export function findRegexLiterals(text: string): RegexLiteral[] {
  return new Reader(text).read()
}

class Reader {
  readonly #text: string
  readonly #found: RegexLiteral[] = []
  /** For each open brace: whether it belongs to a template, whose text goes on after it. */
  readonly #braces: ('template' | 'block')[] = []
  #at = 0
  /** Whether an expression can begin here, so that a slash begins a literal. */
  #expectsExpression = true

  constructor(text: string) {
    this.#text = text
  }

  read(): RegexLiteral[] {
    if (this.#text.startsWith('#!')) this.#skipTo('\n')
    while (this.#at < this.#text.length) this.#step()
    return this.#found
  }

  #step(): void {
    const character = this.#text[this.#at] ?? ''
    const next = this.#text[this.#at + 1]
    if (/\s/.test(character)) this.#at += 1
    else if (character === '/' && next === '/') this.#skipTo('\n')
    else if (character === '/' && next === '*') this.#skipTo('*/')
    else if (character === "'" || character === '"') this.#skipString(character)
    else if (character === '`') this.#skipTemplate()
    else if (isWordCharacter(character)) this.#skipWord()
    else if (character === '/' && this.#expectsExpression) this.#readLiteral()
    else this.#skipPunctuation(character)
  }

  #skipTo(end: string): void {
    const found = this.#text.indexOf(end, this.#at + 2)
    this.#at = found < 0 ? this.#text.length : found + end.length
  }

  #skipString(quote: string): void {
    this.#at += 1
    while (this.#text[this.#at] !== quote) this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    this.#at += 1
    this.#expectsExpression = false
  }

  /** From a backtick, or from the brace that ends a placeholder, to the next placeholder or the end. */
  #skipTemplate(): void {
    this.#at += 1
    for (;;) {
      const character = this.#text[this.#at]
      if (character === undefined) throw new Error('a template does not end')
      if (character === '\\') this.#at += 2
      else if (character === '`') {
        this.#at += 1
        this.#expectsExpression = false
        return
      } else if (character === '$' && this.#text[this.#at + 1] === '{') {
        this.#at += 2
        this.#braces.push('template')
        this.#expectsExpression = true
        return
      } else this.#at += 1
    }
  }

  #skipWord(): void {
    const start = this.#at
    while (isWordCharacter(this.#text[this.#at])) this.#at += 1
    const word = this.#text.slice(start, this.#at)
    this.#expectsExpression = this.#text[start - 1] !== '.' && BEFORE_EXPRESSION.has(word)
  }

  #skipPunctuation(character: string): void {
    if (character === '{') this.#braces.push('block')
    if (character === '}' && this.#braces.pop() === 'template') return this.#skipTemplate()
    this.#at += 1
    this.#expectsExpression = ![')', ']', '}'].includes(character)
  }

  #readLiteral(): void {
    const start = this.#at
    let isInClass = false
    for (this.#at += 1; this.#text[this.#at] !== '/' || isInClass; this.#at += 1) {
      const character = this.#text[this.#at]
      if (character === undefined || character === '\n') throw new Error(`no literal at ${start}`)
      if (character === '\\') this.#at += 1
      else if (character === '[') isInClass = true
      else if (character === ']') isInClass = false
    }
    const source = this.#text.slice(start + 1, this.#at)
    this.#at += 1
    const flagsStart = this.#at
    while (isWordCharacter(this.#text[this.#at])) this.#at += 1
    const flags = this.#text.slice(flagsStart, this.#at)
    this.#found.push({ source, flags, line: this.#text.slice(0, start).split('\n').length })
    this.#expectsExpression = false
  }
}
