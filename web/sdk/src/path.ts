/** The way that a link's frames take, from the best to the worst. */
export type Path = 'lan' | 'direct' | 'relay-udp' | 'relay-tcp' | 'relay-tls'

const paths: readonly string[] = ['lan', 'direct', 'relay-udp', 'relay-tcp', 'relay-tls'] satisfies Path[]

/** What the statistics say of one end of the pair of candidates in use. */
export interface PathEnd {
  type: string
  /** None, or a name: a browser hides it. */
  address?: string
  relayProtocol?: string
}

/** This side's half of a link's path, as the statistics know it. */
export interface Leg {
  path: Path
  /** In ms, of the newest check that was answered; undefined before one was. */
  roundTrip: number | undefined
  /** Bytes that were sent and received so far, encrypted and framed. */
  sent: number
  received: number
}

/** The path of a link whose two sides see these legs. One of a later revision is worse than those that are known. */
export function worse<A extends string>(a: A, b: A): A {
  return badness(b) > badness(a) ? b : a
}

function badness(path: string): number {
  if (path === '') return -1
  const i = paths.indexOf(path)
  return i < 0 ? paths.length : i
}

/** What a browser's statistics have of the entries that are read here; browsers differ in what they leave out. */
interface Entry {
  type: string
  selectedCandidatePairId?: string
  localCandidateId?: string
  remoteCandidateId?: string
  selected?: boolean
  nominated?: boolean
  state?: string
  candidateType?: string
  address?: string | null
  relayProtocol?: string
  currentRoundTripTime?: number
  bytesSent?: number
  bytesReceived?: number
}

/** This side's leg by `RTCPeerConnection.getStats()`; undefined while no pair of candidates is in use. */
export function legOf(report: RTCStatsReport): Leg | undefined {
  const entries: Entry[] = []
  report.forEach(entry => entries.push(entry as Entry))
  const transport = entries.find(e => e.type === 'transport')
  const pairs = entries.filter(e => e.type === 'candidate-pair')
  const pair = transport?.selectedCandidatePairId === undefined
    ? pairs.find(p => p.selected) ?? pairs.find(p => p.nominated && p.state === 'succeeded')
    : report.get(transport.selectedCandidatePairId) as Entry | undefined
  const local = endOf(report, pair?.localCandidateId)
  const remote = endOf(report, pair?.remoteCandidateId)
  if (!pair || !local || !remote) return undefined
  // A transport counts over all its pairs; where it doesn't count, they do.
  const counted = transport?.bytesSent === undefined ? pairs : [transport]
  const seconds = pair.currentRoundTripTime
  return {
    path: legBetween(local, remote),
    roundTrip: seconds === undefined ? undefined : seconds * 1000,
    sent: counted.reduce((sum, e) => sum + (e.bytesSent ?? 0), 0),
    received: counted.reduce((sum, e) => sum + (e.bytesReceived ?? 0), 0),
  }
}

function endOf(report: RTCStatsReport, id: string | undefined): PathEnd | undefined {
  const entry = id === undefined ? undefined : report.get(id) as Entry | undefined
  if (!entry) return undefined
  return {
    type: entry.candidateType ?? '',
    address: entry.address ?? '',
    relayProtocol: entry.relayProtocol ?? '',
  }
}

/** The leg between two ends; the rule stands in peer/path.go. */
export function legBetween(local: PathEnd, remote: PathEnd): Path {
  if (local.type === 'relay') {
    if (local.relayProtocol === 'tcp') return 'relay-tcp'
    return local.relayProtocol === 'tls' ? 'relay-tls' : 'relay-udp'
  }
  if (remote.type === 'relay') return 'relay-udp' // which is what can be known here
  return near(local) && near(remote) ? 'lan' : 'direct'
}

function near({ type, address }: PathEnd): boolean {
  if (!address) return type === 'host'
  const a = address.toLowerCase().replace(/^\[|\]$/g, '').replace(/^::ffff:(?=[\d.]+$)/, '')
  if (a.endsWith('.local')) return true
  const four = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(a)
  if (four) {
    const [first, second] = [Number(four[1]), Number(four[2])]
    return first === 10 || first === 127 || first === 192 && second === 168 || first === 169 && second === 254 || first === 172 && second >> 4 === 1
  }
  const six = parseInt(/^([\da-f]{1,4}):/.exec(a)?.[1] ?? '0', 16)
  return a === '::1' || (six & 0xfe00) === 0xfc00 || (six & 0xffc0) === 0xfe80
}
