/** Requests of tests: those of the harness, and questions that are asked again. */
import type { Answer } from '../../harness/call.ts'

export { basic, bearer, claimsOf, headerOf, post, request, type Answer, type Credentials } from '../../harness/call.ts'

/** Repeats a request until the change of another process is noticed. */
export async function untilNoticed(
  ask: () => Promise<Answer>,
  good: (answer: Answer) => boolean = ({ status }) => status === 200,
): Promise<Answer> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (good(answer)) return answer
    if (Date.now() > deadline) throw new Error(`not noticed: ${answer.status} ${answer.text}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
