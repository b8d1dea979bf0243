/** The error of a form whose new password cannot be chosen. */
import type { Weakness } from '../users/strength.ts'
import type { FormError } from './views.ts'

export const weakPassword = (weakness: Weakness | undefined): FormError => ({
  code: 'weak_password',
  field: 'password',
  ...(weakness === 'long' && { words: 'long_password' }),
})
