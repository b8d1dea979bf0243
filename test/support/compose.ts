/** The faults of a compose file, found without a container engine. */
import { DCLinter } from 'dclint'
import { z } from 'zod'

/** By the schema and by the linter, errors alone. Order and quotes are a matter of taste. */
export function composeFaults(file: string): string[] {
  // The proxy of a deployment is for everybody, so its ports are bound to every address.
  const rules = { 'no-unbound-port-interfaces': 0 as const }
  const linter = new DCLinter({ rules, quiet: true, debug: false, exclude: [] })
  // Its package names types that lead nowhere, so its answer is read here.
  const Results = z.array(z.object({ messages: z.array(z.object({ type: z.string(), message: z.string() })) }))
  const messages = Results.parse(linter.lintFiles([file], false)).flatMap((each) => each.messages)
  return messages.filter(({ type }) => type === 'error').map(({ message }) => message)
}
