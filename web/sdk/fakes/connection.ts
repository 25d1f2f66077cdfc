import { vi } from 'vitest'

/** A data channel that carries what it is given to the other side's, unless it is held. */
export class FakeChannel extends EventTarget {
  readonly id: number
  readonly init: RTCDataChannelInit
  readyState = 'connecting'
  binaryType = 'blob'
  bufferedAmount = 0
  bufferedAmountLowThreshold = 0
  /** The network takes nothing for now. */
  held = false
  other: FakeChannel | undefined
  /** All that it was given. */
  readonly sent: Array<Uint8Array<ArrayBuffer>> = []
  #queue: ArrayBuffer[] = []

  constructor(init: RTCDataChannelInit) {
    super()
    this.id = init.id ?? -1
    this.init = init
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError')
    this.sent.push(data.slice())
    this.#queue.push(data.slice().buffer)
    this.bufferedAmount += data.length
    if (!this.held) this.release()
  }

  /** The network takes what waits, or this many messages of it. */
  release(count = Infinity): void {
    for (; count > 0 && this.#queue.length > 0; count--) {
      const data = this.#queue.shift()!
      const before = this.bufferedAmount
      this.bufferedAmount -= data.byteLength
      const low = this.bufferedAmountLowThreshold
      queueMicrotask(() => this.other?.receive(data))
      if (before > low && this.bufferedAmount <= low) queueMicrotask(() => this.dispatchEvent(new Event('bufferedamountlow')))
    }
  }

  /** Something comes in, whatever it is. */
  receive(data: unknown): void {
    if (this.readyState === 'open') this.dispatchEvent(new MessageEvent('message', { data }))
  }

  /** The other side hears of it. */
  close(): void {
    const { other } = this
    this.readyState = 'closed'
    queueMicrotask(() => other?.become('closed'))
  }

  become(readyState: 'open' | 'closed'): void {
    if (this.readyState === readyState || this.readyState === 'closed') return
    this.readyState = readyState
    this.dispatchEvent(new Event(readyState === 'open' ? 'open' : 'close'))
  }
}

/**
 * An RTCPeerConnection without a network. Two of them connect when each has the description that the other
 * made for it, and one of them a candidate of the other.
 */
export class FakeConnection extends EventTarget {
  static all: FakeConnection[] = []

  readonly number: number
  configuration!: RTCConfiguration
  /** What it was made with. */
  readonly first: RTCConfiguration
  readonly channels: FakeChannel[] = []
  readonly candidates: string[] = []
  localDescription: { type: string; sdp: string } | null = null
  remoteDescription: { type: string; sdp: string } | null = null
  signalingState = 'stable'
  connectionState = 'new'
  iceConnectionState = 'new'
  /** What getStats() says. */
  stats: Array<Record<string, unknown>> = []
  /** Nobody can reach anybody. */
  static noPath = false
  /** Descriptions have a certificate's fingerprint, as those of browsers. */
  static certified = false
  /** ICE servers that this browser can't use. */
  static refuses: (server: RTCIceServer) => boolean = () => false
  #restarts = 0

  constructor(configuration: RTCConfiguration = {}) {
    super()
    this.first = configuration
    this.setConfiguration(configuration)
    this.number = FakeConnection.all.push(this)
  }

  /** Takes the place of RTCPeerConnection until the test ends. */
  static install(): void {
    FakeConnection.all = []
    FakeConnection.refuses = () => false
    FakeConnection.noPath = FakeConnection.certified = false
    vi.stubGlobal('RTCPeerConnection', FakeConnection)
  }

  static get newest(): FakeConnection {
    const newest = FakeConnection.all.at(-1)
    if (!newest) throw new Error('no RTCPeerConnection was made')
    return newest
  }

  createDataChannel(label: string, init: RTCDataChannelInit): FakeChannel {
    if (label !== '' || !init.negotiated) throw new Error('a data channel of another protocol')
    const channel = new FakeChannel(init)
    this.channels.push(channel)
    return channel
  }

  setConfiguration(configuration: RTCConfiguration): void {
    if (configuration.iceServers?.some(FakeConnection.refuses)) throw new DOMException('an ICE server is wrong', 'SyntaxError')
    this.configuration = configuration
  }

  async createOffer({ iceRestart }: { iceRestart?: boolean } = {}): Promise<{ type: string; sdp: string }> {
    if (iceRestart) this.#restarts++
    return { type: 'offer', sdp: `v=0 offer of ${this.number}${this.#restarts ? `, restart ${this.#restarts}` : ''}${this.#fingerprint}` }
  }

  async setLocalDescription(description?: { type: string; sdp: string }): Promise<void> {
    const answering = this.signalingState === 'have-remote-offer'
    this.localDescription = description ?? { type: 'answer', sdp: `v=0 answer of ${this.number} to ${this.remoteDescription!.sdp.replace(/\r\na=fingerprint.*/, '')}${this.#fingerprint}` }
    this.signalingState = answering ? 'stable' : 'have-local-offer'
    this.gather({ candidate: `candidate of ${this.number}`, sdpMid: '0', sdpMLineIndex: 0 })
    this.#connect()
  }

  get #fingerprint(): string {
    return FakeConnection.certified ? `\r\na=fingerprint:sha-256 ${Array.from({ length: 32 }, () => this.number.toString(16).padStart(2, '0')).join(':')}` : ''
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    if (description.type === 'answer' && this.signalingState !== 'have-local-offer') throw new DOMException('no offer', 'InvalidStateError')
    if (!description.sdp.startsWith('v=0 ')) throw new DOMException('no description', 'OperationError')
    this.remoteDescription = description
    this.signalingState = description.type === 'answer' ? 'stable' : 'have-remote-offer'
    this.#connect()
  }

  async addIceCandidate({ candidate }: RTCIceCandidateInit): Promise<void> {
    if (!this.remoteDescription) throw new DOMException('a candidate before its description', 'InvalidStateError')
    if (!candidate?.startsWith('candidate')) throw new DOMException('no candidate', 'OperationError')
    this.candidates.push(candidate)
    this.#connect()
  }

  async getStats(): Promise<Map<string, Record<string, unknown>>> {
    return new Map(this.stats.map(entry => [String(entry['id']), entry]))
  }

  /** Tells of a candidate of this side; null is the last. */
  gather(candidate: { candidate: string; sdpMid: string | null; sdpMLineIndex: number | null } | null): void {
    queueMicrotask(() => this.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate })))
  }

  become(iceConnectionState: string, connectionState = iceConnectionState): void {
    this.iceConnectionState = iceConnectionState
    this.connectionState = connectionState
    this.dispatchEvent(new Event('iceconnectionstatechange'))
    this.dispatchEvent(new Event('connectionstatechange'))
  }

  close(): void {
    this.signalingState = 'closed'
    this.connectionState = 'closed'
    for (const channel of this.channels) channel.close()
  }

  #connect(): void {
    const other = FakeConnection.all.find(c => c !== this && c.fits(this) && this.fits(c))
    if (!other || FakeConnection.noPath || this.connectionState === 'closed' || this.candidates.length + other.candidates.length === 0) return
    this.join(other)
    other.join(this)
  }

  /** Whether the descriptions of both belong together. */
  fits(other: FakeConnection): boolean {
    return this.signalingState === 'stable' && this.localDescription !== null && this.localDescription.sdp === other.remoteDescription?.sdp
  }

  join(other: FakeConnection): void {
    queueMicrotask(() => {
      if (this.connectionState === 'closed') return
      if (this.connectionState !== 'connected') this.become('connected')
      for (const channel of this.channels) {
        channel.other = other.channels.find(c => c.id === channel.id)
        channel.become('open')
      }
    })
  }
}
