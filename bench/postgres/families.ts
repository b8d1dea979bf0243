/**
 * The bare statements of a refresh on PostgreSQL: a narrow row each, one select and one conditional update, which the
 * requests of a turn share. Nothing that refreshes durably there in two statements is faster.
 */
import { Pool } from 'pg'
import { SID_LENGTH, type Families } from '../sides/bare-families.ts'

interface Asked {
  id: number
  generation: number
  resolve: (isRotated: boolean) => void
  reject: (error: unknown) => void
}

/** As many as Signet has under way. */
const MOST_BATCHES = 2

export async function openPostgresFamilies(url: string): Promise<Families> {
  const pool = new Pool({ connectionString: url, max: 10 })
  await pool.query('CREATE TABLE family (id bigint PRIMARY KEY, generation bigint NOT NULL)')
  let last = 0
  const rotate = inBatches(pool)
  return {
    async create() {
      const id = (last += 1)
      await pool.query('INSERT INTO family VALUES ($1, 0)', [id])
      return `${id}.0`
    },
    async rotate(token) {
      const [id = 0, generation = 0] = token.split('.').map(Number)
      if (!(await rotate(id, generation))) return undefined
      return { id: String(id).padStart(SID_LENGTH, '0'), successor: `${id}.${generation + 1}` }
    },
  }
}

function inBatches(pool: Pool): (id: number, generation: number) => Promise<boolean> {
  let waiting: Asked[] = []
  let batches = 0
  let isDue = false
  const beginSoon = () => {
    if (isDue || batches >= MOST_BATCHES || waiting.length === 0) return
    isDue = true
    setImmediate(begin)
  }
  const begin = () => {
    isDue = false
    const batch = waiting
    waiting = []
    batches += 1
    void rotateAll(pool, batch)
      .catch((error: unknown) => batch.forEach(({ reject }) => reject(error)))
      .finally(() => {
        batches -= 1
        beginSoon()
      })
  }
  return (id, generation) =>
    new Promise((resolve, reject) => {
      waiting.push({ id, generation, resolve, reject })
      beginSoon()
    })
}

async function rotateAll(pool: Pool, batch: Asked[]): Promise<void> {
  const ids = batch.map(({ id }) => id)
  const generations = batch.map(({ generation }) => generation)
  const client = await pool.connect()
  try {
    await client.query({ name: 'find', text: FIND, values: [ids], rowMode: 'array' })
    const { rows } = await client.query({ name: 'renew', text: RENEW, values: [ids, generations], rowMode: 'array' })
    const renewed = new Set(rows.map(([id]: unknown[]) => Number(id)))
    for (const { id, resolve } of batch) resolve(renewed.has(id))
  } finally {
    client.release()
  }
}

const FIND = 'SELECT id, generation FROM family WHERE id = ANY($1::bigint[])'
const RENEW = `UPDATE family f SET generation = f.generation + 1
  FROM unnest($1::bigint[], $2::bigint[]) AS asked (id, generation)
  WHERE f.id = asked.id AND f.generation = asked.generation RETURNING f.id`
