/** Properties that are searched for a limited time. */
import * as fc from 'fast-check'

/**
 * Asserts a property of all values, as `fc.assert` does. When the time is up, fast-check leaves the run behind that it is
 * at. This waits for that run, so that nothing of it outlives the test and its issuer.
 */
export async function assertAll<Value>(
  values: fc.Arbitrary<Value>,
  holds: (value: Value) => Promise<void>,
  terms: fc.Parameters<[Value]>,
): Promise<void> {
  let last: Promise<void> | undefined
  await fc.assert(
    fc.asyncProperty(values, (value) => (last = holds(value))),
    terms,
  )
  await last
}
