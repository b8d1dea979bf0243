/** A request as the guard reads it, whatever the framework. */

/** A request, from any framework. */
export interface IncomingRequest {
  method: string
  /** Scheme and host that the request was sent to, according to the request itself. */
  origin(): { scheme: string; host: string | undefined }
  /** Path and query as the request has them; read only for DPoP. */
  target(): string
  header(name: string): string | undefined
}

/** The request of a framework that uses the web's `Request`. */
export const webRequest = (request: Request): IncomingRequest => ({
  method: request.method,
  origin: () => {
    const { protocol, host } = new URL(request.url)
    // Servers disagree about which of several Host headers counts, so none of them is believed.
    const hasOneHost = request.headers.get('host')?.includes(',') !== true
    return { scheme: protocol.slice(0, -1), host: hasOneHost ? host : undefined }
  },
  target: () => request.url.slice(new URL(request.url).origin.length),
  header: (name) => request.headers.get(name) ?? undefined,
})
