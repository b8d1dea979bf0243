/** The figures of several workers as one text: each series says whose it is, unless all would say the same. */
import type { Family } from './family.ts'

interface Figures {
  /** Of the worker, from 1. */
  place: number
  families: Family[]
}

/** Adds the label `worker` to what the processes count each for itself. */
export function putTogether(own: Figures, others: Figures[]): Family[] {
  const all = [own, ...others].toSorted((a, b) => a.place - b.place)
  return own.families.map((family) =>
    family.isShared ? family : { ...family, samples: all.flatMap((figures) => samplesOf(figures, family.name)) },
  )
}

const samplesOf = ({ place, families }: Figures, name: string): Family['samples'] =>
  (families.find((family) => family.name === name)?.samples ?? []).map((sample) => ({
    ...sample,
    labels: { worker: String(place), ...sample.labels },
  }))
