/**
 * Makes a flood in a process of its own, so that its work is not mistaken for the server's. It reads a plan from stdin,
 * sends at an even rate without waiting for responses (open loop), and prints the result as JSON.
 */
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { readAnswer } from '../harness/answer.ts'
import type { FloodPlan, FloodResult } from './flood.ts'

const TICK_MS = 2
/** At the end missing responses are waited for this long. */
const LAST_ANSWERS_MS = 1000

// flood.ts writes this type.
const plan = JSON.parse(await text(process.stdin)) as FloodPlan
const requests = plan.requests.map((each) => Buffer.from(each, 'latin1'))
const result: FloodResult = { sent: 0, heldBack: 0, cut: 0, seconds: 0, answers: {} }
const idle: Connection[] = []
const all = new Set<Connection>()
let waiting = 0

const NOTHING = Buffer.alloc(0)

/** A connection with one request at a time. Bytes that are no HTTP end it, and another one is opened. */
class Connection {
  readonly #socket: Socket
  #received = NOTHING
  #isWaiting = false

  constructor() {
    all.add(this)
    this.#socket = connect(plan.port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#socket.on('error', () => {}) // told by the close that follows
    this.#socket.on('close', () => this.#forget())
  }

  send(request: Buffer): void {
    this.#isWaiting = true
    waiting++
    this.#socket.write(request)
  }

  end(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    const answer = readAnswer(this.#received)
    if (!answer) return
    result.answers[answer.status] = (result.answers[answer.status] ?? 0) + 1
    this.#received = NOTHING
    this.#isWaiting = false
    waiting--
    if (/\r\nconnection: *close\r/i.test(answer.text())) this.end()
    else idle.push(this)
  }

  #forget(): void {
    if (this.#isWaiting) {
      result.cut++
      waiting--
    }
    all.delete(this)
    const at = idle.indexOf(this)
    if (at >= 0) idle.splice(at, 1)
  }
}

function sendOne(): void {
  const connection = idle.pop() ?? (all.size < plan.connections ? new Connection() : undefined)
  const request = requests[result.sent % requests.length]
  if (!connection || !request) return void result.heldBack++
  connection.send(request)
  result.sent++
}

const began = performance.now()
let due = 0
const timer = setInterval(() => {
  const passedMs = performance.now() - began
  const until = Math.min(passedMs, plan.seconds * 1000) * (plan.perSecond / 1000)
  for (; due < until; due++) sendOne()
  if (passedMs < plan.seconds * 1000) return
  clearInterval(timer)
  result.seconds = passedMs / 1000
  finishWhenAnswered(performance.now() + LAST_ANSWERS_MS)
}, TICK_MS)

function finishWhenAnswered(deadline: number): void {
  if (waiting > 0 && performance.now() < deadline) return void setTimeout(finishWhenAnswered, TICK_MS, deadline)
  for (const connection of all) connection.end()
  process.stdout.write(JSON.stringify(result))
}
