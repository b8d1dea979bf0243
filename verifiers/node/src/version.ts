/** The package's version, as it introduces itself to an issuer; a test holds it to package.json. */
export const VERSION = '0.2.0'
