/** Before each test file: the issuers of this process get keys that were made before. */
import { useReadyKeys } from '../../harness/ready-keys.ts'

useReadyKeys()
