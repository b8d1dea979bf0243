import { defineConfig } from 'vitest/config'

/**
 * The tests that `npm run mutation` runs on each mutant: those whose issuer is in the test's own process, where the
 * mutant is, and that decide about tokens, grants and keys.
 */
export default defineConfig({
  test: {
    include: [
      'test/properties/{key-ring,refresh-family}.test.ts',
      'test/{refresh-rotation,key-rotation,revocation,blacklist,token-endpoint,subject-grant,guards}.test.ts',
    ],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
