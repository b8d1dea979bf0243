/** One server with a key file: `signet master-key rotate` and `retire` beside it, under load. */
import type { Fault } from '../fault.ts'
import { changeUnderLoad, command, currentKey } from '../master-key-load.ts'
import { preparePlace } from '../place.ts'

export const masterKey: Fault = {
  name: 'master-key',
  title: 'the master key changed under load',
  async run(context) {
    const place = preparePlace(context, { env: { SIGNET_REFRESH_GRACE: '5m' } })
    const { url } = await place.start()
    return changeUnderLoad(context, {
      place,
      url,
      async rotate() {
        const former = await currentKey(place)
        await command(place, ['rotate', '--json'])
        return former
      },
      // The command has taken it out of the file.
      takeOut() {},
    })
  },
}
