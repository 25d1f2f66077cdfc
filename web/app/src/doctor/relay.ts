// The checks of the ways between members: STUN, TURN over each transport with bytes there and back, and what follows from them.
import { after, isLocal, ms, patience, type Say } from './hub.ts'

const bytes = 1200 // what WebRTC sends at once
const stunWait = 5_000 // ms; a browser that gets no answer gathers for longer
const ways = ['udp', 'tcp', 'tls'] as const

type Way = typeof ways[number]

/** One URL of the servers that members are told. */
interface Server { url: string; host: string; port: string; way: Way; relays: boolean; ice: RTCIceServer }

/** What a try to connect two ends gave. */
interface Pair {
  opened: boolean
  took: number
  relay: string // the address of a relay that there was
  relayPort: string
  seen: readonly RTCIceCandidate[] // how STUN servers see the other end
  refused: string // why the browser made no connection at all; empty if it did
  errors: number[] // of servers (RFC 8489, section 14.8; 701: none answered)
  port: number // that the first end sees the other at
  way: string // of those that it sends from
}

export function serversOf(ice: RTCIceServer[]): Server[] {
  const all: Server[] = []
  for (const one of ice) {
    for (const url of [one.urls].flat()) {
      const [, scheme = '', host = '', port, transport] = /^(stun|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(udp|tcp))?$/i.exec(url) ?? []
      if (!host) continue
      const secure = scheme === 'turns'
      all.push({ url, host, port: port ?? (secure ? '5349' : '3478'), way: secure ? 'tls' : transport === 'tcp' ? 'tcp' : 'udp', relays: scheme !== 'stun', ice: { ...one, urls: [url] } })
    }
  }
  return all
}

/** Tries all that members are told. */
export async function checkICE(ice: RTCIceServer[], say: Say): Promise<void> {
  const servers = serversOf(ice)
  const datagrams = servers.filter(s => s.way === 'udp')
  const [stun, good] = await Promise.all([checkSTUN(datagrams, say), checkTURN(servers, say), checkPath(ice, say)])
  const range = await checkRange(good[0], datagrams, say)
  judgeNAT(stun, range, good.length > 0, say)
  const udp = stun.answers || good.some(s => s.way === 'udp')
  if (servers.length === 0) say('firewall', 'skipped')
  else if (udp) say('firewall', 'ok')
  else if (datagrams.length === 0 || stun.refused) say('firewall', 'skipped')
  else say('firewall', good.length > 0 ? 'udp' : 'dead')
}

interface Stun { answers: boolean; seen: RTCIceCandidate[]; refused: string }

/** Gathers candidates from the servers. Where there is no NAT, browsers show none, but are done soon. */
async function checkSTUN(servers: Server[], say: Say): Promise<Stun> {
  const asked = servers.some(s => !s.relays) ? servers.filter(s => !s.relays) : servers
  if (asked.length === 0) {
    say('stun', 'none')
    say('ipv6', 'here')
    return { answers: false, seen: [], refused: '' }
  }
  const found = await Promise.all(asked.map(gather))
  const seen = found.flatMap(f => f.seen)
  say('ipv6', found.some(f => f.six) ? 'machine' : 'here')
  const refused = asked.findIndex((_, i) => found[i]!.refused)
  const silent = asked.find((_, i) => !found[i]!.answers)
  if (refused >= 0) say('stun', 'browser', { server: `${asked[refused]!.host}:${asked[refused]!.port}`, error: found[refused]!.refused })
  else if (silent) say('stun', 'silent', { server: `${silent.host}:${silent.port}`, port: silent.port })
  else say('stun', 'ok', { servers: asked.map(s => `${s.host}:${s.port}`).join(', ') })
  return { answers: found.some(f => f.answers), seen, refused: found[refused]?.refused ?? '' }
}

async function gather({ ice }: Server): Promise<Stun & { six: boolean }> {
  let pc: RTCPeerConnection
  try {
    pc = new RTCPeerConnection({ iceServers: [ice] })
  } catch (error) {
    return { answers: false, seen: [], six: false, refused: messageOf(error) }
  }
  const seen: RTCIceCandidate[] = []
  let [failed, six] = [false, false]
  const done = new Promise<boolean>(resolve => {
    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (!candidate?.candidate) { if (!candidate) resolve(true); return }
      if (candidate.type === 'srflx') seen.push(candidate)
      if (candidate.address?.includes(':')) six = true
    })
    pc.addEventListener('icecandidateerror', ({ errorCode, address }) => { if (errorCode === 701 && !address?.includes(':')) failed = true })
  })
  pc.createDataChannel('')
  await pc.setLocalDescription()
  const soon = await Promise.race([done, after(stunWait, false)])
  pc.close()
  return { answers: seen.length > 0 || soon && !failed, seen, six, refused: '' }
}

/** Sends bytes from relay to relay and back, over each transport. Returns the servers that relay. */
async function checkTURN(servers: Server[], say: Say): Promise<Server[]> {
  const relays = servers.filter(s => s.relays)
  const offered = ways.filter(way => relays.some(s => s.way === way))
  if (offered.length > 0) say('turn', 'ok', { ways: offered.map(w => w.toUpperCase()).join(', ') })
  else say('turn', isLocal(location.hostname) ? 'local' : 'none')
  const good: Server[] = []
  await Promise.all(ways.map(async way => {
    const here = relays.filter(s => s.way === way)
    if (here.length === 0) return say(`turn-${way}`, offered.length > 0 ? 'none' : 'off')
    const pairs = await Promise.all(here.map(s => connect([s.ice], 'relay', [s.ice], 'relay')))
    const bad = pairs.findIndex(p => !p.opened)
    here.forEach((s, i) => { if (pairs[i]!.opened) good.push(s) })
    const n = Math.max(bad, 0)
    const [{ host, port }, pair] = [here[n]!, pairs[n]!]
    const works = here[pairs.findIndex(p => p.opened)]
    const kind = relayKind(pair, way)
    say(`turn-${way}`, works && (kind === 'silent' || kind === 'hidden') ? 'partly' : kind, {
      good: `${works?.host}:${works?.port}`, server: `${host}:${port}`, host, port, bytes: String(bytes), ms: ms(pair.took), relay: pair.relay, error: pair.refused || pair.errors.join(', '),
      protocol: way === 'udp' ? 'UDP' : 'TCP', rule: way === 'udp' ? 'udp' : 'tcp',
    })
  }))
  return good.sort((a, b) => ways.indexOf(a.way) - ways.indexOf(b.way))
}

function relayKind({ opened, relay, errors, refused }: Pair, way: Way): string {
  if (opened) return 'ok'
  if (refused) return 'browser'
  if (relay) return 'lost'
  if (errors.includes(401)) return 'credentials'
  if (errors.includes(486) || errors.includes(508)) return 'quota'
  if (errors.some(code => code < 700)) return 'refused'
  return way === 'tls' ? 'hidden' : 'silent'
}

/** Sends to a relay from an end that isn't on one, as STUN servers see it. */
async function checkRange(server: Server | undefined, datagrams: Server[], say: Say): Promise<Pair | undefined> {
  if (!server) {
    say('range', 'skipped')
    return undefined
  }
  if (isLocal(location.hostname)) { // a server relays nothing to its own machine
    say('range', 'forbidden')
    return undefined
  }
  const stun = datagrams.map(({ host, port }) => ({ urls: `stun:${host}:${port}` })) // or that end would use a relay, too
  const pair = await connect([server.ice], 'relay', stun, 'direct')
  const values = { relay: pair.relay, host: server.host, port: '' }
  if (pair.opened) say('range', 'ok', values)
  else if (!isOutside(pair)) say('range', 'forbidden')
  else say('range', isPrivate(pair.relay) ? 'private' : 'closed', { ...values, host: pair.relay, port: pair.relayPort })
  return pair
}

/** Whether an end is where a server has to relay to: at a public address, and not on its own machine. */
function isOutside({ seen, relay }: Pair): boolean {
  return seen.some(({ address }) => !!address && !isPrivate(address) && address !== relay)
}

function judgeNAT({ answers, seen }: Stun, range: Pair | undefined, relays: boolean, say: Say): void {
  if (!answers) say('nat', 'skipped')
  else if (seen.length === 0) say('nat', 'open')
  else if (!range?.opened || range.seen.length === 0) say('nat', 'unknown')
  else if (range.seen.some(({ port }) => port === range.port)) say('nat', 'page')
  else say('nat', relays ? 'symmetric' : 'alone')
}

/** Connects two ends in this page in any way. */
async function checkPath(ice: RTCIceServer[], say: Say): Promise<void> {
  const pair = await connect(ice, 'all', ice, 'all')
  if (pair.refused) return say('path', 'browser', { error: pair.refused })
  say('path', !pair.opened ? 'failed' : pair.way === 'relay' ? 'relayed' : 'ok', { ms: ms(pair.took) })
}

type Policy = 'all' | 'relay' | 'direct' // direct: nothing of relays

/** Connects two ends in this page, and sends bytes there and back. */
async function connect(ice: RTCIceServer[], policy: Policy, otherICE: RTCIceServer[], otherPolicy: Policy): Promise<Pair> {
  const pair: Pair = { opened: false, took: 0, relay: '', relayPort: '', seen: [], refused: '', errors: [], port: 0, way: '' }
  let [one, other]: End[] = []
  try {
    one = new End(ice, policy)
    other = new End(otherICE, otherPolicy)
  } catch (error) {
    one?.pc.close()
    return { ...pair, refused: messageOf(error) }
  }
  const start = performance.now()
  try {
    one.give(other)
    other.give(one)
    await one.pc.setLocalDescription()
    await other.pc.setRemoteDescription(one.pc.localDescription!)
    await other.pc.setLocalDescription()
    await one.pc.setRemoteDescription(other.pc.localDescription!)
    pair.opened = await Promise.race([passes(one, other), after(patience, false), one.hopeless(policy)])
    pair.took = performance.now() - start
    if (pair.opened) Object.assign(pair, await one.selected())
  } finally {
    one.pc.close()
    other.pc.close()
  }
  pair.relay = one.relay?.address ?? ''
  pair.relayPort = String(one.relay?.port ?? '')
  pair.seen = other.seen
  pair.errors = one.errors
  return pair
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function passes(one: End, other: End): Promise<boolean> {
  await Promise.all([one.open, other.open])
  const sent = crypto.getRandomValues(new Uint8Array(bytes))
  const [there, back] = [other.next(), one.next()]
  one.channel.send(sent)
  const got = await there
  other.channel.send(got)
  const again = new Uint8Array(await back)
  return again.length === bytes && again.every((b, i) => b === sent[i])
}

/** One of two ends. */
class End {
  readonly pc: RTCPeerConnection
  readonly channel: RTCDataChannel
  readonly open: Promise<void>
  readonly errors: number[] = []
  relay: RTCIceCandidate | undefined
  readonly seen: RTCIceCandidate[] = []
  #direct: boolean

  constructor(iceServers: RTCIceServer[], policy: Policy) {
    this.#direct = policy === 'direct'
    this.pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy === 'relay' ? 'relay' : 'all' })
    this.channel = this.pc.createDataChannel('', { negotiated: true, id: 0 })
    this.channel.binaryType = 'arraybuffer'
    this.open = new Promise(resolve => this.channel.addEventListener('open', () => resolve()))
    this.pc.addEventListener('icecandidateerror', ({ errorCode }) => this.errors.push(errorCode))
  }

  next(): Promise<ArrayBuffer> {
    return new Promise(resolve => this.channel.addEventListener('message', ({ data }) => resolve(data as ArrayBuffer), { once: true }))
  }

  /** Resolves to false if it has found out that it has no relay, and needs one. */
  hopeless(policy: Policy): Promise<boolean> {
    return new Promise(resolve => this.pc.addEventListener('icegatheringstatechange', () => {
      if (policy === 'relay' && this.pc.iceGatheringState === 'complete' && !this.relay) resolve(false)
    }))
  }

  /** Gives candidates to the other end, once that has a description. */
  give(other: End): void {
    this.pc.addEventListener('icecandidate', ({ candidate }) => {
      if (!candidate?.candidate || this.#direct && candidate.type === 'relay') return
      if (candidate.type === 'relay') this.relay ??= candidate
      if (candidate.type === 'srflx') this.seen.push(candidate)
      void other.add(candidate)
    })
  }

  async add(candidate: RTCIceCandidate): Promise<void> {
    while (!this.pc.remoteDescription && this.pc.signalingState !== 'closed') await after(10, undefined)
    await this.pc.addIceCandidate(candidate).catch(() => {}) // an end that is closed
  }

  /** The pair that is used: the port that is sent to, and from what kind of candidate. */
  async selected(): Promise<{ port: number; way: string }> {
    const stats = new Map<string, Record<string, unknown>>()
    ;(await this.pc.getStats()).forEach((value: { id: string } & Record<string, unknown>) => stats.set(value.id, value))
    const pair = [...stats.values()].find(s => s['type'] === 'candidate-pair' && s['state'] === 'succeeded' && s['nominated'] === true)
    const of = (id: unknown) => stats.get(String(id)) ?? {}
    return { port: Number(of(pair?.['remoteCandidateId'])['port']), way: String(of(pair?.['localCandidateId'])['candidateType']) }
  }
}

function isPrivate(address: string): boolean {
  return /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd]|fe80)/i.test(address)
}
