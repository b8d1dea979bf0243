/** glewlwyd (written in C, packaged by Debian) is not measured; this file says why. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const isInstalled = (): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'glewlwyd')))

export const whyGlewlwydIsMissing = (): string =>
  isInstalled()
    ? 'glewlwyd is installed and was skipped: it has to be set up by hand (database, plug-in, client, key) before it issues anything.'
    : 'glewlwyd was skipped: it is not installed.'
