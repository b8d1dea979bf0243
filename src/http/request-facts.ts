/** The facts that a request gathers on its way, for its one log line. */
import type { LogFields } from '../ground/log.ts'

export interface RequestFacts extends LogFields {
  request_id: string
}
