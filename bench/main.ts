/** `npm run bench` measures the issuer; `npm run bench -- verify` the verifier. */
if (process.argv[2] === 'verify') await (await import('../verifier/bench/verify.ts')).main()
else await import('./issuer.ts')
export {}
