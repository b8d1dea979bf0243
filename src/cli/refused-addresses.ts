/** Notes about addresses of a client that Signet may not call. The client is made all the same: the server may be told later. */
import type { ClientChange } from '../clients/client.ts'
import type { Config } from '../config/setting.ts'
import { AllowedHosts } from '../outbound/allowed.ts'
import { note } from './output.ts'

/** @param change the addresses that were set now */
export function noteRefusedAddresses(
  { backchannelLogoutUri, jwksUri }: Pick<ClientChange, 'backchannelLogoutUri' | 'jwksUri'>,
  { outboundAllow }: Config,
): void {
  noteRefused(backchannelLogoutUri, 'its app is not told of logouts', outboundAllow)
  noteRefused(jwksUri, 'its keys cannot be fetched', outboundAllow)
}

function noteRefused(uri: string | null | undefined, consequence: string, outboundAllow: readonly string[]): void {
  if (uri === null || uri === undefined) return
  const url = new URL(uri)
  if (new AllowedHosts(outboundAllow).mayAsk(url)) return
  note(`${uri} is a private address, so ${consequence} until the server has SIGNET_OUTBOUND_ALLOW=${url.host}`)
}
