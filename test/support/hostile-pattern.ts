/**
 * Finds the texts that make a regular expression slow, from its source. A small parser reads the pattern. The parts tell
 * which unbounded parts stand beside each other, and the alphabet and the prefixes make texts on which it has to work
 * hardest.
 */
import type { RegexLiteral } from './regex-literals.ts'

type Pattern = Pick<RegexLiteral, 'source' | 'flags'>

/** A character out of a set. */
interface CharacterSet {
  kind: 'set'
  has(character: string): boolean
  /** Characters that belong to it. */
  samples: string[]
}

interface Group {
  kind: 'group'
  alternatives: Term[][]
}

/** A place, a look ahead or behind: it takes no character. */
interface Assertion {
  kind: 'assertion'
  alternatives: Term[][]
}

interface Term {
  atom: CharacterSet | Group | Assertion
  min: number
  max: number
}

/** Characters that classes are tried with; a pattern's own letters are added to them. */
const CANDIDATES = Array.from('aZ0-_./: \n\r\t"\'=+~%@,e\u0001\u00e9')

class PatternReader {
  readonly #source: string
  readonly #flags: string
  #at = 0

  constructor({ source, flags }: Pattern) {
    this.#source = source
    this.#flags = flags.replace(/[gy]/g, '')
  }

  read(): Term[][] {
    const alternatives = this.#alternatives()
    if (this.#at < this.#source.length) throw new Error(`cannot be read from ${this.#at}: ${this.#source}`)
    return alternatives
  }

  #alternatives(): Term[][] {
    const alternatives: Term[][] = [[]]
    while (this.#at < this.#source.length && this.#source[this.#at] !== ')') {
      if (this.#source[this.#at] === '|') {
        this.#at += 1
        alternatives.push([])
      } else alternatives.at(-1)?.push(this.#term())
    }
    return alternatives
  }

  #term(): Term {
    const atom = this.#atom()
    const [quantifier = ''] = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(this.#source.slice(this.#at)) ?? []
    this.#at += quantifier.length
    if (quantifier !== '' && this.#source[this.#at] === '?') this.#at += 1
    if (quantifier === '*') return { atom, min: 0, max: Infinity }
    if (quantifier === '+') return { atom, min: 1, max: Infinity }
    if (quantifier === '?') return { atom, min: 0, max: 1 }
    if (quantifier === '') return { atom, min: 1, max: 1 }
    const [least = '1', most = least] = quantifier.slice(1, -1).split(',')
    return { atom, min: Number(least), max: most === '' ? Infinity : Number(most) }
  }

  #atom(): Term['atom'] {
    const [character = ''] = this.#source[this.#at] ?? ''
    if (character === '(') return this.#group()
    if (character === '[') return this.#class()
    if (character === '^' || character === '$') {
      this.#at += 1
      return { kind: 'assertion', alternatives: [] }
    }
    if (character !== '\\') return this.#set(character.length)
    const escape =
      /^\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|u\{[^}]*\}|[pP]\{[^}]*\}|c[A-Za-z]|.)/u.exec(
        this.#source.slice(this.#at),
      )?.[0] ?? ''
    if (/^\\[bB]$/.test(escape)) {
      this.#at += escape.length
      return { kind: 'assertion', alternatives: [] }
    }
    if (/^\\[1-9k]$/.test(escape)) throw new Error(`a back reference in ${this.#source}`)
    return this.#set(escape.length)
  }

  #class(): CharacterSet {
    let end = this.#at + 1
    while (this.#source[end] !== ']') end += this.#source[end] === '\\' ? 2 : 1
    return this.#set(end + 1 - this.#at)
  }

  /** The next so many characters of the source are a set. */
  #set(length: number): CharacterSet {
    const source = this.#source.slice(this.#at, this.#at + length)
    this.#at += length
    const pattern = new RegExp(`^(?:${source})$`, this.#flags)
    const own = Array.from(source).filter((character) => !'[]^\\'.includes(character))
    const samples = [...new Set([...own, ...CANDIDATES])].filter((character) => pattern.test(character))
    return { kind: 'set', has: (character) => pattern.test(character), samples }
  }

  #group(): Group | Assertion {
    const [opening = ''] = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/.exec(this.#source.slice(this.#at)) ?? []
    this.#at += opening.length
    const alternatives = this.#alternatives()
    this.#at += 1
    return { kind: /^\(\?<?[=!]/.test(opening) ? 'assertion' : 'group', alternatives }
  }
}

/** Whether two sets have a character in common, as far as ASCII and some others tell. */
function overlap(one: CharacterSet, other: CharacterSet): boolean {
  for (let code = 0; code < 0x250; code += 1) {
    const character = String.fromCodePoint(code)
    if (one.has(character) && other.has(character)) return true
  }
  return one.samples.some((character) => other.has(character))
}

/**
 * Whether two parts without an upper bound can take the same character with nothing between them that keeps them
 * apart: then a text can be divided between the two in as many ways as it has characters.
 */
export function hasAdjacentUnboundedParts(pattern: Pattern): boolean {
  let found = false
  const throughAll = (alternatives: Term[][], before: CharacterSet[]): CharacterSet[] => [
    ...new Set(alternatives.flatMap((terms) => terms.reduce(through, before))),
  ]
  const through = (before: CharacterSet[], { atom, min, max }: Term): CharacterSet[] => {
    if (atom.kind === 'assertion') {
      throughAll(atom.alternatives, [])
      return before
    }
    if (atom.kind === 'set') {
      const beside = before.filter((each) => overlap(each, atom))
      if (max === Infinity && beside.length > 0) found = true
      return [...(min === 0 ? before : beside), ...(max === Infinity ? [atom] : [])]
    }
    const once = throughAll(atom.alternatives, before)
    const after = max === Infinity ? throughAll(atom.alternatives, once) : once
    return min === 0 ? [...new Set([...before, ...after])] : after
  }
  throughAll(new PatternReader(pattern).read(), [])
  return found
}

/** The sets of a pattern, in order. */
const setsOf = (alternatives: Term[][]): CharacterSet[] =>
  alternatives.flat().flatMap(({ atom }) => (atom.kind === 'set' ? [atom] : setsOf(atom.alternatives)))

const MOST_LETTERS = 12
const MOST_PREFIXES = 24

/** Beginnings of texts that fit: after each part, with an optional part once and an unbounded part as seldom as it may. */
function prefixesOf(alternatives: Term[][], before = ''): string[] {
  return alternatives.flatMap((terms) => {
    let text = before
    return terms.flatMap(({ atom, min }) => {
      if (atom.kind === 'assertion') return []
      const times = Math.max(1, Math.min(min, 50))
      const inner = atom.kind === 'group' ? prefixesOf(atom.alternatives, text) : []
      const once = atom.kind === 'set' ? (atom.samples[0] ?? '') : (inner.at(-1)?.slice(text.length) ?? '')
      text += once.repeat(times)
      return [...inner, text]
    })
  })
}

/** Texts of some `length`, made of the pattern's own letters and beginnings, as hard to match as they come. */
export function hostileTexts(pattern: Pattern): ((length: number) => string)[] {
  const alternatives = new PatternReader(pattern).read()
  const letters = [...new Set(setsOf(alternatives).flatMap(({ samples }) => samples.slice(0, 4)))].slice(
    0,
    MOST_LETTERS,
  )
  const prefixes = [...new Set(['', ...prefixesOf(alternatives)])].slice(0, MOST_PREFIXES)
  // A strange character behind a text makes it fail late; one in front keeps it away from a pattern that begins with ^.
  const withEnds = (make: (length: number) => string) => [
    make,
    (length: number) => `${make(length)}\u0002`,
    (length: number) => `\u0002${make(length)}\u0002`,
  ]
  const repeated = (unit: string) => (length: number) => unit.repeat(Math.ceil(length / unit.length))
  const units = [
    ...prefixes.flatMap((prefix) => letters.map((letter) => prefix + letter)),
    ...letters.flatMap((one) => letters.map((other) => one + other)),
  ]
  const runs = prefixes.flatMap((prefix) => letters.map((letter) => (length: number) => prefix + letter.repeat(length)))
  return [...[...new Set(units)].map(repeated), ...runs].flatMap(withEnds)
}
