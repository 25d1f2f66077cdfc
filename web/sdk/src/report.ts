/** What a browser is in terms of what makes links work or fail alike: its engine. */
export type Family = 'chromium' | 'firefox' | 'webkit' | 'other'

/** How an attempt to open a link came out: `opened`, or why it didn't, in the words of PROTOCOL.md, section 3. */
export type Outcome =
  | 'opened' | 'closed' | 'left' | 'self' | 'no-candidates' | 'no-turn' | 'turn' | 'ice' | 'dtls' | 'signaling' | 'timeout' | 'refused' | 'unknown'

/** Tells the hub of one attempt to open a link. It holds no address, and not who the other is. */
export interface Report {
  outcome: Outcome
  /** How its packets travel, if it opened. */
  path?: 'lan' | 'direct' | 'relay-udp' | 'relay-tcp' | 'relay-tls'
  /** ms until it was open. */
  time?: number
}

/** What is asked of a Navigator. */
export interface Agent {
  userAgent?: string
  /** Client hints, which only Chromium has. */
  userAgentData?: { brands?: ReadonlyArray<{ brand: string }> }
}

/** The family of a browser. On iOS every browser is WebKit, whatever it calls itself. */
export function familyOf({ userAgent = '', userAgentData }: Agent): Family {
  if (userAgentData?.brands?.some(({ brand }) => brand === 'Chromium')) return 'chromium'
  if (/\b(iPhone|iPad|iPod|FxiOS|CriOS|EdgiOS)\b/.test(userAgent)) return 'webkit'
  if (/\bEdge\/|\bTrident\/|\bjsdom\//.test(userAgent)) return 'other'
  if (/\b(Chrome|Chromium|HeadlessChrome)\//.test(userAgent)) return 'chromium'
  if (/\bGecko\/.*\bFirefox\//.test(userAgent)) return 'firefox'
  if (/\bAppleWebKit\//.test(userAgent)) return 'webkit'
  return 'other'
}
