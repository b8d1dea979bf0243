/**
 * Variables that Kubernetes sets in every pod for each service of its namespace, in the form of Docker's links
 * (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables). For a service named
 * `signet` or `signet-anything` they begin with `SIGNET_`, although nobody configured anything by them.
 */
import { isIP } from 'node:net'

/** How a pod turns them off. */
export const WITHOUT_LINKS = 'enableServiceLinks: false in the pod spec'

const PORT = /^\d{1,5}$/
const PROTOCOL = /^(tcp|udp|sctp)$/
const isAddress = (value: string): boolean => isIP(value) !== 0
const isUrl = (value: string): boolean => /^(tcp|udp|sctp):\/\/[^/\s]+:\d{1,5}$/.test(value)

/** By the end of the name: what the value looks like. The first that fits decides. */
const FORMS: [RegExp, (value: string) => boolean][] = [
  [/_SERVICE_HOST$/, isAddress],
  [/_SERVICE_PORT(_[A-Z0-9_]{1,200})?$/, (value) => PORT.test(value)],
  [/_PORT_\d+_(TCP|UDP|SCTP)$/, isUrl],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PROTO$/, (value) => PROTOCOL.test(value)],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PORT$/, (value) => PORT.test(value)],
  [/_PORT_\d+_(TCP|UDP|SCTP)_ADDR$/, isAddress],
  [/(^|_)PORT$/, isUrl],
]

/** Whether a variable has the name of a service link, whatever its value. */
export const hasLinkName = (name: string): boolean => FORMS.some(([form]) => form.test(name))

/** Whether a variable is a service link, by its name and its value. An empty value is how a pod spec unsets one. */
export function isServiceLink(name: string, value: string): boolean {
  const accepts = FORMS.find(([form]) => form.test(name))?.[1]
  return accepts !== undefined && (value === '' || accepts(value))
}
