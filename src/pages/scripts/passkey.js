/** Passkeys are shown where the browser has them. */
if (globalThis.PublicKeyCredential)
  for (const each of document.querySelectorAll('[data-passkeys],[data-passkey]')) each.hidden = false
