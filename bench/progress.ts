/** Progress on stderr: a line for each subject, and one more line every few seconds within a subject. */

const PAUSE_MS = 3000

export function progress(): (line: string) => void {
  const began = performance.now()
  let last = -Infinity
  let subject = ''
  return (line) => {
    const now = performance.now()
    const [about = ''] = line.split(':', 1)
    if (about === subject && now - last < PAUSE_MS) return
    subject = about
    last = now
    console.error(`${String(Math.round((now - began) / 1000)).padStart(5)} s  ${line}`)
  }
}
