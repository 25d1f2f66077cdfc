import { bytesOf, encodeFrame, flagText, maxFrame, typeControl } from './frame.ts'
import { type Leg, legOf } from './path.ts'
import type { Candidate } from './signals.ts'

// Data channels of a link, by their id.
export const control = 0
export const reliable = 1
export const unreliable = 2

// What is handed to the browser and not sent yet, in bytes: more would only wait where nothing can overtake it.
const maxBuffered = 256 * 1024
const lowBuffered = 128 * 1024

type CarrierState = 'connected' | 'silent' | 'failed' | 'closed'

/** What a carrier tells, until it is closed from here. */
export interface CarrierHandlers {
  /** There is a candidate, or no more will come. */
  candidate(candidate: Candidate | undefined): void
  /** All data channels are open. */
  opened(): void
  /** dtls: it was the handshake that failed, not the path. */
  state(state: CarrierState, dtls: boolean): void
  frame(id: number, data: unknown): void
  /** There is room again. */
  room(): void
}

/** What a link's frames ride on; no other part of this SDK knows an RTCPeerConnection. */
export class Carrier {
  readonly number: number
  /** All data channels are. */
  isOpen = false
  /** Control frames that came: they are counted anew on each carrier. */
  received = 0
  #sent = 0 // likewise
  #on: CarrierHandlers
  #pc: RTCPeerConnection
  #servers: RTCIceServer[] | undefined
  #channels: RTCDataChannel[]
  #told: CarrierState | undefined
  #closed = false

  constructor(number: number, configuration: RTCConfiguration, on: CarrierHandlers) {
    this.number = number
    this.#on = on
    this.#servers = configuration.iceServers
    this.#pc = new RTCPeerConnection(configuration)
    this.#channels = [control, reliable, unreliable].map(id => this.#channel(id))
    this.#hear(this.#pc, 'icecandidate', ({ candidate }: RTCPeerConnectionIceEvent) => this.#gathered(candidate))
    for (const change of ['connectionstatechange', 'iceconnectionstatechange']) this.#hear(this.#pc, change, () => this.#follow())
  }

  #hear<E extends Event>(target: EventTarget, type: string, heard: (event: E) => void): void {
    target.addEventListener(type, event => { if (!this.#closed) heard(event as E) })
  }

  #channel(id: number): RTCDataChannel {
    const channel = this.#pc.createDataChannel('', { negotiated: true, id, ordered: id !== unreliable, ...(id === unreliable ? { maxRetransmits: 0 } : {}) })
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = lowBuffered
    this.#hear(channel, 'open', () => {
      if (!this.#channels.every(c => c.readyState === 'open')) return
      this.isOpen = true
      this.#on.opened()
    })
    this.#hear(channel, 'message', ({ data }: MessageEvent) => this.#on.frame(id, data))
    this.#hear(channel, 'bufferedamountlow', () => this.#on.room())
    this.#hear(channel, 'close', () => {
      this.isOpen = false
      if (this.#told !== 'failed') this.#tell(this.#pc.connectionState === 'failed' ? 'failed' : 'closed')
      this.#told = 'closed'
    })
    return channel
  }

  #gathered(candidate: RTCIceCandidate | null): void {
    if (candidate?.candidate === '') return // the end of one data channel's
    this.#on.candidate(candidate ? {
      candidate: candidate.candidate,
      ...(candidate.sdpMid === null ? {} : { mid: candidate.sdpMid }),
      ...(candidate.sdpMLineIndex === null ? {} : { line: candidate.sdpMLineIndex }),
    } : undefined)
  }

  /**
   * Firefox tells of silence in iceConnectionState only, and of a failed handshake browsers tell in connectionState only. Where no path
   * is found, that fails in Chromium while iceConnectionState is `disconnected`.
   */
  #follow(): void {
    const { connectionState, iceConnectionState } = this.#pc
    const path = iceConnectionState === 'connected' || iceConnectionState === 'completed'
    if (connectionState === 'failed' || iceConnectionState === 'failed') this.#tell('failed', path)
    else if (iceConnectionState === 'disconnected') this.#tell('silent')
    else if (path) this.#tell('connected')
  }

  /** Tells what is new. Without its data channels a carrier is of no use, whatever else is said of it: Firefox loses them when ICE is restarted again too soon, and goes on. */
  #tell(state: CarrierState, dtls = false): void {
    if (state === this.#told || this.#told === 'closed') return
    this.#told = state
    this.#on.state(state, dtls)
  }

  /** Makes an offer and takes it as the local description. A restart gathers candidates anew. */
  async offer(restart: boolean): Promise<string> {
    await this.#pc.setLocalDescription(await this.#pc.createOffer({ iceRestart: restart }))
    return this.#pc.localDescription!.sdp
  }

  /** Takes an offer in and answers it. */
  async answer(sdp: string): Promise<string> {
    await this.#pc.setRemoteDescription({ type: 'offer', sdp })
    await this.#pc.setLocalDescription()
    return this.#pc.localDescription!.sdp
  }

  accept(sdp: string): Promise<void> {
    return this.#pc.setRemoteDescription({ type: 'answer', sdp })
  }

  /** Takes candidates of the other side. Those that this browser can't use are passed over. */
  add(candidates: Candidate[]): void {
    for (const { candidate, mid, line } of candidates) {
      if (candidate) this.#pc.addIceCandidate({ candidate, sdpMid: mid ?? null, sdpMLineIndex: line ?? null }).catch(() => {})
    }
  }

  /** Has the next restart use this configuration. */
  use(configuration: RTCConfiguration): void {
    if (configuration.iceServers === this.#servers) return
    this.#servers = configuration.iceServers
    this.#pc.setConfiguration(configuration)
  }

  /** Whether so many bytes can be handed over now. */
  fits(id: number, size: number): boolean {
    return this.isOpen && this.#channels[id]!.bufferedAmount + size <= maxBuffered
  }

  /** Hands a frame over, and tells whether that could be. */
  put(id: number, frame: Uint8Array<ArrayBuffer>): boolean {
    try {
      this.#channels[id]!.send(frame)
      return true
    } catch {
      return false // it has just ended
    }
  }

  /** Sends a control message, if that can be done at once, and tells whether it was. */
  say(payload: string): boolean {
    const said = this.fits(control, maxFrame) && this.put(control, encodeFrame(typeControl, flagText, 0, this.#sent + 1, bytesOf(payload)))
    if (said) this.#sent++
    return said
  }

  /** This side's half of the path; undefined while there is none. */
  async leg(): Promise<Leg | undefined> {
    return legOf(await this.#pc.getStats())
  }

  /** The other side’s, as DTLS has seen it; undefined where browsers don’t tell. */
  certificate(): ArrayBuffer | undefined {
    return this.#pc.sctp?.transport.getRemoteCertificates?.()[0]
  }

  close(): void {
    this.isOpen = false
    this.#closed = true
    this.#pc.close()
  }
}
