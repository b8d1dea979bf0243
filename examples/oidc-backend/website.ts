/** The shop's website: a person who signs in gets a token for the API, with the shop's claims about the person. */
import express, { type Express, type RequestHandler } from 'express'
import { textIn, type IssuerAnswer, type IssuerClient } from '../issuer-calls.ts'
import { AUDIENCE } from './api.ts'
import { PEOPLE } from './people.ts'

export interface WebsiteParts {
  /** The same password for all people, to keep the example short. */
  password: string
  shop: IssuerClient
  operator: IssuerClient
}

export function createWebsite({ password, shop, operator }: WebsiteParts): Express {
  const answer =
    (act: (person: string) => Promise<IssuerAnswer>): RequestHandler =>
    async ({ body }, res) => {
      const person = textIn(body, 'person')
      const isKnown = Object.hasOwn(PEOPLE, person) && textIn(body, 'password') === password
      if (!isKnown) return void res.status(403).json({ error: 'wrong_person_or_password' })
      const told = await act(person)
      res.status(told.status).set('cache-control', 'no-store').json(told.body)
    }
  const signIn = (subject: string) => {
    const { scope = '', claims = {} } = PEOPLE[subject] ?? {}
    return shop.tokensFor({ subject, claims }, AUDIENCE, scope)
  }
  const website = express()
  website.use(express.json())
  website.post('/sign-in', answer(signIn))
  website.post(
    '/sign-out-everywhere',
    answer((sub) => operator.administer('/blacklist', { sub })),
  )
  return website
}
