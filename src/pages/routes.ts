/** The files of all pages, and the pages below /login and /account that there are not. */
import type { Route } from '../http/route.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { noSuchPage, page } from './page.ts'

export const sharedPages = (needs: FrameNeeds): Route[] => [
  page(
    { get: '/pages/:file', isFile: true, says: 'A file of the pages' },
    needs,
    async () => (await import('./files.ts')).showFile,
  ),
  noSuchPage('/login/:step', needs),
  noSuchPage('/account/:page', needs),
]
