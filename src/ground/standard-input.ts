/** Arguments that a shell's history and other users' process lists must not hold: `-` reads them from standard input. */

/** The given text, or all of standard input if the text is `-`. */
export async function readArgument(text: string): Promise<string> {
  if (text !== '-') return text
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Buffer)) // stdin without an encoding gives buffers
  return Buffer.concat(chunks).toString('utf8')
}
