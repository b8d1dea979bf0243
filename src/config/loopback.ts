/** The names of this machine, and the one rule about plain http: it is for this machine alone. */

/** Whether a URL's host can only be this machine (RFC 6761 §6.3, RFC 5735 §3, RFC 4291 §2.5.3). */
export function isLoopback(hostname: string): boolean {
  return /(^|\.)localhost$/.test(hostname) || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** Whether a URL is plain http to a host that may be another machine: there, others can read and change what is sent. */
export const isExposedHttp = ({ protocol, hostname }: URL): boolean => protocol === 'http:' && !isLoopback(hostname)
