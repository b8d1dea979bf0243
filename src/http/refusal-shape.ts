/** The shape of a refusal, for the description: the body of RFC 6749 §5.2. */
import type { OAuthErrorCode } from '../ground/errors.ts'
import type { AnswerShape, JsonSchema } from '../ground/shape.ts'

export type ErrorCode = OAuthErrorCode | 'server_error' | 'temporarily_unavailable'

/** The body, with the codes that can stand in it. */
export const errorSchema = (...codes: ErrorCode[]): JsonSchema => ({
  type: 'object',
  properties: { error: { type: 'string', enum: codes }, error_description: { type: 'string' } },
  required: ['error', 'error_description'],
})

export const refusalOf = (
  code: ErrorCode,
  says: string,
  example = 'what was wrong, and the step that helps',
): AnswerShape => ({
  says,
  content: {
    'application/json': { schema: errorSchema(code), example: { error: code, error_description: example } },
  },
})
