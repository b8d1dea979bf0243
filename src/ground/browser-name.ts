/** The name of a browser and its system, as a person knows them, from `User-Agent`. It proves nothing. */

/** The more special name stands first: most browsers name others too. */
const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdg(?:A|iOS)?\//, 'Edge'],
  [/\b(?:OPR|OPiOS)\//, 'Opera'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bVersion\/[\d.]{1,20} (?:Mobile\/\w{1,20} )?Safari\//, 'Safari'],
  [/^curl\//, 'curl'],
]

const SYSTEMS: readonly [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
]

export interface BrowserName {
  browser: string | undefined
  system: string | undefined
  isPhone: boolean
}

export function browserNameOf(userAgent: string): BrowserName {
  const named = (known: readonly [RegExp, string][]) => known.find(([form]) => form.test(userAgent))?.[1]
  return { browser: named(BROWSERS), system: named(SYSTEMS), isPhone: /\biPhone\b|\bMobile\b/.test(userAgent) }
}
