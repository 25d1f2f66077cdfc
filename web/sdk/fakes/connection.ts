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
  #queue: ArrayBuffer[] = []

  constructor(init: RTCDataChannelInit) {
    super()
    this.id = init.id ?? -1
    this.init = init
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError')
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
      if (before > low && this.bufferedAmount <= low) this.dispatchEvent(new Event('bufferedamountlow'))
      queueMicrotask(() => this.other?.receive(data))
    }
  }

  /** Something comes in, whatever it is. */
  receive(data: unknown): void {
    if (this.readyState === 'open') this.dispatchEvent(new MessageEvent('message', { data }))
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

  readonly number = FakeConnection.all.push(this)
  readonly configuration: RTCConfiguration
  readonly channels: FakeChannel[] = []
  readonly candidates: string[] = []
  localDescription: { type: string; sdp: string } | null = null
  remoteDescription: { type: string; sdp: string } | null = null
  signalingState = 'stable'
  connectionState = 'new'
  iceConnectionState = 'new'

  constructor(configuration: RTCConfiguration = {}) {
    super()
    this.configuration = configuration
  }

  /** Takes the place of RTCPeerConnection until the test ends. */
  static install(): void {
    FakeConnection.all = []
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

  async setLocalDescription(): Promise<void> {
    const answering = this.signalingState === 'have-remote-offer'
    const type = answering ? 'answer' : 'offer'
    this.localDescription = { type, sdp: `v=0 ${type} of ${this.number}${answering ? ` to ${this.remoteDescription!.sdp}` : ''}` }
    this.signalingState = answering ? 'stable' : 'have-local-offer'
    this.gather({ candidate: `candidate of ${this.number}`, sdpMid: '0', sdpMLineIndex: 0 })
    this.#connect()
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
    for (const channel of this.channels) {
      const { other } = channel
      channel.readyState = 'closed'
      queueMicrotask(() => other?.become('closed'))
    }
  }

  #connect(): void {
    const other = FakeConnection.all.find(c => c !== this && c.fits(this) && this.fits(c))
    if (!other || this.connectionState !== 'new' || this.candidates.length + other.candidates.length === 0) return
    this.join(other)
    other.join(this)
  }

  /** Whether the descriptions of both belong together. */
  fits(other: FakeConnection): boolean {
    return this.signalingState === 'stable' && this.localDescription !== null && this.localDescription.sdp === other.remoteDescription?.sdp
  }

  join(other: FakeConnection): void {
    queueMicrotask(() => {
      if (this.connectionState !== 'new') return
      this.become('connected')
      for (const channel of this.channels) {
        channel.other = other.channels.find(c => c.id === channel.id)
        channel.become('open')
      }
    })
  }
}
