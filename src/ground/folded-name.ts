/** The one form in which names of persons are compared, as sign-in, commands, searches and the throttle need it. */

/** Compatible characters are one (NFKC). Neither case nor white space around counts. */
export const foldedName = (name: string): string => name.normalize('NFKC').trim().toLowerCase()
