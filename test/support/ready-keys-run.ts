/** Before the workers of a run: the RSA keys that its issuers get. */
export { makeReadyKeys as default } from '../../harness/ready-keys.ts'
