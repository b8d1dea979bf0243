/** Stands for the portal's own users. */
export interface Member {
  organisation: string
  email: string
  username: string
  role: string
  teams: string[]
}

export const PEOPLE: Readonly<Record<string, Member>> = {
  ada: {
    organisation: 'org_acme',
    email: 'ada@acme.example',
    username: 'Ada',
    role: 'admin',
    teams: ['sales', 'legal'],
  },
  lin: { organisation: 'org_globex', email: 'lin@globex.example', username: 'Lin', role: 'member', teams: [] },
}
