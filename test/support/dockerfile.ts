/** The content of a Dockerfile, read without Docker: stages of instructions, and what each copies. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

interface Instruction {
  word: string
  text: string
}

/** Those before the first stage, then the stages in order. */
type Stages = [Instruction[], ...Instruction[][]]

/** Reads a file. One entry for each instruction; continued lines are joined, and comments left out. */
export function stagesOf(path: string): Stages {
  const lines = withoutComments(readFileSync(path, 'utf8')).replaceAll(/\\\n/g, ' ').split('\n')
  const stages: Stages = [[]]
  for (const line of lines.map((each) => each.trim()).filter(Boolean)) {
    const [, word = '', text = ''] = /^([A-Z]+) +(.*)$/.exec(line.replaceAll(/\s+/g, ' ')) ?? []
    if (word === 'FROM') stages.push([])
    stages.at(-1)?.push({ word, text })
  }
  return stages
}

export const withoutComments = (text: string): string => text.replaceAll(/^\s*#.*$/gm, '')

/** What comes from the checkout, not from another stage: sources, then the target. */
export const copies = (instructions: Instruction[]): string[][] =>
  instructions
    .filter(({ word, text }) => word === 'COPY' && !text.startsWith('--from'))
    .map(({ text }) => text.split(' '))

/** The exec form, a JSON array: no shell between Docker and the process. */
export const execForm = (text: string): string[] => z.array(z.string()).parse(JSON.parse(text.slice(text.indexOf('['))))

/** `NAME=value` as a pair. */
export function splitOnce(pair: string): [string, string] {
  const [name = '', ...value] = pair.split('=')
  return [name, value.join('=')]
}
