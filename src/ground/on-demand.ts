/**
 * Values that are loaded when they are first asked for, and objects that are loaded at the first call of a method. So an
 * issuer without people starts as fast, and stays as small, as if it had no code for people.
 */

type Method = (...args: never[]) => Promise<unknown>

/** Every method answers by a promise, so that its caller does not see whether the object was loaded already. */
type Promising<T> = { [Name in keyof T]: Method }

/**
 * An object whose methods are these names. The names can be listed, so the object can be spread.
 * @param load called once; again at the next call, where it failed
 */
export function methodsOnDemand<T extends Promising<T>>(names: Record<keyof T, true>, load: () => Promise<T>): T {
  const call = caller(load)
  // Sound: it has every name of T, and each calls the method of that name.
  return Object.fromEntries(Object.keys(names).map((name) => [name, call(name)])) as T
}

/** An object of a class. @param load called once; again at the next call, where it failed */
export function onDemand<T extends Promising<T> & object>(load: () => Promise<T>): T {
  const call = caller(load)
  // Sound: all members of T are methods, and each name gives the method of that name.
  return new Proxy({} as T, {
    // `await` must not take the object for a promise.
    get: (_, name) => (typeof name === 'string' && name !== 'then' ? call(name) : undefined),
  })
}

function caller<T extends object>(load: () => Promise<T>): (name: string) => Method {
  let loaded: T | undefined
  const open = loadedOnce(async () => (loaded = await load()))
  return (name) =>
    async (...args) => {
      const object = loaded ?? (await open())
      // Sound: the callers ask for methods of T alone.
      return (object as Record<string, Method>)[name]?.(...args)
    }
}

/** Loads at the first call. Later calls get the same value, or try again where the load has failed. */
export function loadedOnce<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined
  const forget = (error: unknown): never => {
    loading = undefined
    throw error
  }
  return () => (loading ??= load().catch(forget))
}
