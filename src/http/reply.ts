/** The return value of a handler: a status, headers and a body, as values. answer.ts writes them. */

/** Names and values in turn, as `writeHead` takes them. */
export type HeaderList = readonly string[]

export interface Reply {
  status: number
  headers: HeaderList
  /** Absent where the status has none (204, 304). */
  body?: string | Buffer
  /** A status above 499 that is no failure: nothing was asked for yet. */
  isOrdinary?: true
}

/** The handler has taken the response over and writes it itself, as a stream does. */
export const TAKEN = Symbol('taken')

export type Outcome = Reply | typeof TAKEN

const PRIVATE: HeaderList = ['Cache-Control', 'no-store']
const PRIVATE_JSON: HeaderList = ['Content-Type', 'application/json', ...PRIVATE]
const TOKEN_JSON: HeaderList = [...PRIVATE_JSON, 'Pragma', 'no-cache']

/** JSON that nobody may store. */
export const json = (value: unknown, status = 200, headers: HeaderList = []): Reply => ({
  status,
  headers: headers.length > 0 ? [...PRIVATE_JSON, ...headers] : PRIVATE_JSON,
  body: JSON.stringify(value),
})

/** A response that holds tokens, or tells of them (RFC 6749 §5.1). */
export const tokenJson = (value: unknown): Reply => ({ status: 200, headers: TOKEN_JSON, body: JSON.stringify(value) })

/** 201 with the path of the new record. @param location as a client asks for it, with the path of the issuer */
export const created = (value: unknown, location: string): Reply => json(value, 201, ['Location', location])

/** Done, and there is nothing to say. */
export const done = (): Reply => ({ status: 204, headers: PRIVATE })

/** 200 with an empty body (RFC 7009 §2.2). */
export const empty = (): Reply => ({ status: 200, headers: PRIVATE, body: '' })
