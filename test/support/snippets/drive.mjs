// Drives the snippet for Node: reads a command a line, and prints its outcome. The clock moves by command.
import { createInterface } from 'node:readline'

const [, , url, subject] = process.argv
const realNow = Date.now
let ahead = 0
Date.now = () => realNow() + ahead * 1000

const snippet = await import(`${process.cwd()}/signet-tokens.mjs`)
const tokens = subject === undefined ? snippet.tokens : snippet.tokensOf(subject)

const call = () =>
  tokens.fetch(url, { method: 'POST', body: 'hello' }).then(
    ({ status }) => status,
    (error) => error.message,
  )

const commands = {
  call: async () => [await call()],
  burst: (count) => Promise.all(Array.from({ length: count }, call)),
  advance: async (seconds) => [(ahead += seconds)],
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, number] = line.split(' ')
  console.log(JSON.stringify(await commands[name](Number(number))))
}
