/** The names of this machine. */

/** Whether a URL's host can only be this machine (RFC 6761 §6.3, RFC 5735 §3, RFC 4291 §2.5.3). */
export function isLoopback(hostname: string): boolean {
  return /(^|\.)localhost$/.test(hostname) || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}
