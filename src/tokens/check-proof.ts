/** The check of DPoP proofs, loaded with its library at the first proof: most clients send none. */
import { methodsOnDemand } from '../ground/on-demand.ts'
import type * as DpopProof from './dpop-proof.ts'

/** Checks a proof, and consumes nothing: see dpop-proof.ts. The check begins after the loading. */
export const { checkProof } = methodsOnDemand<typeof DpopProof>({ checkProof: true }, () => import('./dpop-proof.ts'))
