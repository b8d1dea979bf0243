/** `npm run bench` measures the issuer; `npm run bench -- verify` the verifier. */
import process from 'node:process'
const what = process.argv[2] === 'verify' ? 'verify' : 'issuer'

if (what === 'verify') {
  const { main } = await import('../verifier/bench/verify.ts')
  await main()
} else {
  await import('./issuer.ts')
}
