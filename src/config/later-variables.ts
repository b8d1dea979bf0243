/**
 * The variables of parts that this version does not have: mail, WebFinger, and clients that register themselves. A deployment
 * may set them already. They change nothing, so the start and the doctor name each one that is set.
 */
import { readVariable, Refusal, type Env, type Variable } from './variable.ts'

interface LaterVariable extends Variable {
  /** The part that is lacking; absent where the accepted value asks for nothing that is lacking. */
  lacks?: string
}

const MAIL = 'no mail is sent in this version: links are shown to operators only'
const WEBFINGER = 'WebFinger is not served in this version'

const anyText = (text: string): string => text

export const LATER_VARIABLES: readonly LaterVariable[] = [
  {
    name: 'SIGNET_REGISTRATION',
    standard: 'off',
    accepts: 'off',
    meaning: 'whether clients may register themselves',
    parse: (text) => (text === 'off' ? text : new Refusal('clients are registered by operators alone in this version')),
  },
  later('SIGNET_SMTP_URL', 'an smtp or smtps URL', 'the server that mail is sent by', MAIL),
  later('SIGNET_MAIL_FROM', 'a mail address', 'the sender of mail', MAIL),
  later('SIGNET_MAIL_DIR', 'the path of a folder', 'takes each mail as a file', MAIL),
  later('SIGNET_WEBFINGER_DOMAINS', 'domains, separated by commas', 'domains that WebFinger answers for', WEBFINGER),
]

function later(name: string, accepts: string, meaning: string, lacks: string): LaterVariable {
  return { name, standard: undefined, accepts, meaning, parse: anyText, lacks }
}

/** The lines that refuse what is set, and one line for each part that is asked for and lacking. */
export function readLater(env: Env): { faults: string[]; unserved: string[] } {
  const faults: string[] = []
  const askedBy = new Map<string, string[]>()
  for (const variable of LATER_VARIABLES) {
    const read = readVariable(env, variable)
    if ('fault' in read) faults.push(read.fault)
    else if (read.setBy !== undefined && variable.lacks !== undefined)
      askedBy.set(variable.lacks, [...(askedBy.get(variable.lacks) ?? []), read.setBy])
  }
  return { faults, unserved: [...askedBy].map(([lacks, names]) => `${names.join(', ')}: ${lacks}`) }
}
