import { SnugError } from './errors.ts'
import { bytesOf, type Control, decodeControl, decodeFrame, encodeFrame, maxFrame, maxMessage } from './frame.ts'
import { Negotiation } from './negotiation.ts'
import type { Signal } from './signals.ts'

export type LinkState = 'connecting' | 'live' | 'shaky' | 'gone'
export type Cause = 'closed' | 'left' | 'ice' | 'dtls' | 'signaling' | 'timeout' | 'refused' | 'self'

// In ms.
const connectWait = 30_000
const shakyWait = 60_000
const byeWait = 2_000

// What is handed to the browser and not sent yet, in bytes: more would only wait where nothing can overtake it.
const maxBuffered = 256 * 1024
const lowBuffered = 128 * 1024
// What may wait in send() for one link, in bytes; beyond, send() rejects.
const maxWaiting = 16 * 1024 * 1024

const control = 0
const reliable = 1
const unreliable = 2

export interface LinkHandlers {
  /** Sends a signal to the other member, if the hub is there. */
  signal(signal: Signal): void
  hubAway(): boolean
  /** The link has ended, and the other member has begun another with this signal. */
  anew(signal: Signal): void
  changed(): void
  message(data: string | Uint8Array, unreliable: boolean): void
}

export interface SendOptions {
  /** Send it once, in no order, and don't mind if it is lost. */
  unreliable?: boolean
  signal?: AbortSignal
}

/** The relation to one other member: LINK.md. */
export class Link {
  state: LinkState = 'connecting'
  cause: Cause | undefined
  #on: LinkHandlers
  #pc: RTCPeerConnection
  #channels: RTCDataChannel[] = []
  #negotiation: Negotiation
  #deadline: ReturnType<typeof setTimeout> | undefined
  #sent = [0, 0, 0]
  #received = [0, 0, 0]
  #turn = [Promise.resolve(), Promise.resolve(), Promise.resolve()] // of who sends on a channel
  #waiting = 0 // bytes
  #byeSent = false
  #byeMessages: number | undefined // how many the other side says there are
  #over = new AbortController() // no more may be sent
  #settle!: () => void
  /** Settles when the channels are open or the link is gone. */
  #open = new Promise<void>(resolve => { this.#settle = resolve })

  constructor(offerer: boolean, iceServers: RTCIceServer[], on: LinkHandlers) {
    this.#on = on
    this.#pc = new RTCPeerConnection({ iceServers })
    for (const id of [control, reliable, unreliable]) this.#channel(id)
    this.#pc.addEventListener('connectionstatechange', () => this.#connection())
    this.#pc.addEventListener('iceconnectionstatechange', () => this.#connection())
    this.#expire(connectWait)
    this.#negotiation = new Negotiation(this.#pc, offerer, signal => on.signal(signal), signal => {
      this.end('closed')
      on.anew(signal)
    }, () => on.hubAway())
  }

  /** Takes a signal from the other member. */
  take(signal: Signal): void {
    if (this.state !== 'gone') this.#negotiation.take(signal)
  }

  /** Signals may have been dropped, and can travel again. */
  hubBack(): void {
    if (this.state === 'connecting') this.#negotiation.repeat()
  }

  /** A signal didn't arrive. Where only its time was wrong, it is repeated later; who is gone is the roster's matter. */
  undelivered(reason: string, retry?: number): void {
    if (this.state === 'connecting' && (reason === 'slow' || reason === 'limit')) this.#negotiation.repeatLater(retry)
  }

  /** Waits while connecting or full; rejects with a SnugError when the link ends. */
  async send(data: string | Uint8Array, options: SendOptions = {}): Promise<void> {
    const size = bytesOf(data).length
    if (size > maxMessage) throw new SnugError('too-long', `This message is ${size} bytes long; ${maxMessage} are allowed.`)
    if (this.#waiting + size > maxWaiting) throw new SnugError('too-much', 'Too much is waiting to be sent. Await send() before sending more.')
    this.#waiting += size
    try {
      await this.#write(options.unreliable ? unreliable : reliable, 'message', data, options.signal)
    } finally {
      this.#waiting -= size
    }
  }

  /** Says bye, and waits until everything that was sent has arrived, for two seconds at most. */
  async close(): Promise<void> {
    if (this.state === 'gone') return
    if (this.state === 'connecting') {
      this.end('self')
      return
    }
    this.#byeSent = true
    this.#expire(byeWait)
    const ended = new Promise<void>(resolve => this.#over.signal.addEventListener('abort', () => resolve()))
    await Promise.race([ended, this.#turn[reliable]])
    void this.#write(control, 'control', JSON.stringify({ type: 'bye', messages: this.#sent[reliable] })).catch(() => {})
    await ended
  }

  end(cause: Cause): void {
    if (this.state !== 'gone') {
      this.state = 'gone'
      this.cause = cause
      this.#over.abort()
      this.#settle()
      this.#on.changed()
    }
    clearTimeout(this.#deadline)
    this.#negotiation?.stop()
    this.#pc.close()
  }

  #channel(id: number): void {
    const options: RTCDataChannelInit = { negotiated: true, id, ordered: id !== unreliable }
    if (id === unreliable) options.maxRetransmits = 0
    const channel = this.#pc.createDataChannel('', options)
    channel.binaryType = 'arraybuffer'
    channel.bufferedAmountLowThreshold = lowBuffered
    channel.addEventListener('open', () => this.#opened())
    channel.addEventListener('message', ({ data }) => this.#receive(id, data))
    channel.addEventListener('close', () => this.end(this.#byeSent ? 'self' : 'closed'))
    this.#channels.push(channel)
  }

  #opened(): void {
    if (this.state !== 'connecting' || !this.#channels.every(c => c.readyState === 'open')) return
    clearTimeout(this.#deadline)
    this.#negotiation.settled()
    this.state = 'live'
    this.#settle()
    this.#on.changed()
  }

  /** Follows the RTCPeerConnection. Firefox tells of silence in iceConnectionState only. */
  #connection(): void {
    const { connectionState, iceConnectionState } = this.#pc
    if (this.state === 'gone') return
    if (connectionState === 'failed') {
      this.end(iceConnectionState === 'failed' ? 'ice' : 'dtls')
    } else if (iceConnectionState === 'failed') {
      this.end('ice')
    } else if (iceConnectionState === 'disconnected' && this.state === 'live') {
      this.state = 'shaky'
      if (!this.#byeSent) this.#expire(shakyWait)
      this.#on.changed()
    } else if ((iceConnectionState === 'connected' || iceConnectionState === 'completed') && this.state === 'shaky') {
      this.state = 'live'
      if (!this.#byeSent) clearTimeout(this.#deadline)
      this.#on.changed()
    }
  }

  #expire(wait: number): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => {
      if (this.#byeSent) this.end('self')
      else if (this.state !== 'connecting' || this.#negotiation.isSettled) this.end('ice')
      else this.end(this.#on.hubAway() ? 'signaling' : 'timeout')
    }, wait)
  }

  /** Frames of a channel are written one after the other, in the order of the calls. Who aborts doesn't wait for its turn. */
  #write(id: number, type: 'control' | 'message', payload: string | Uint8Array, signal?: AbortSignal): Promise<void> {
    const done = this.#turn[id]!.then(async () => {
      await this.#room(id, signal)
      const sequence = this.#sent[id]! + 1
      this.#channels[id]!.send(encodeFrame({ type, channel: 0, sequence: sequence >>> 0, payload }))
      this.#sent[id] = sequence
    })
    this.#turn[id] = done.catch(() => {})
    return signal ? orAborted(done, signal) : done
  }

  /** Waits until the channel is open and can take another frame. */
  async #room(id: number, signal: AbortSignal | undefined): Promise<void> {
    const stop = AbortSignal.any(signal ? [signal, this.#over.signal] : [this.#over.signal])
    if (this.state === 'connecting') await Promise.race([this.#open, aborted(stop)])
    const channel = this.#channels[id]!
    while (!stop.aborted && channel.bufferedAmount + maxFrame > maxBuffered) {
      await Promise.race([new Promise(resolve => channel.addEventListener('bufferedamountlow', resolve, { once: true, signal: stop })), aborted(stop)])
    }
    if (signal?.aborted) throw abortion(signal)
    if (this.#over.signal.aborted || channel.readyState !== 'open') throw new SnugError('gone', 'The link is gone.')
  }

  #receive(id: number, data: unknown): void {
    if (this.state === 'gone') return
    try {
      if (!(data instanceof ArrayBuffer)) throw new SnugError('malformed', 'a string')
      const frame = decodeFrame(data)
      if (!frame || frame.channel !== 0 || (frame.type === 'control') !== (id === control)) return
      const sequence = this.#received[id]! + 1
      if (id !== unreliable && frame.sequence !== sequence >>> 0) throw new SnugError('malformed', 'out of order')
      this.#received[id] = sequence
      if (frame.type === 'control') this.#control(decodeControl(frame.payload))
      else this.#on.message(frame.payload, id === unreliable)
    } catch {
      this.end('refused')
      return
    }
    this.#checkBye()
  }

  #control(message: Control | undefined): void {
    if (message?.type === 'bye-ack' && this.#byeSent) this.end('self')
    if (message?.type !== 'bye') return
    if (this.#byeSent) this.end('self')
    else this.#byeMessages = message.messages
  }

  /** Answers a bye once everything before it is here. The other side closes then; until it has, the answer may be on its way. */
  #checkBye(): void {
    if (this.#byeMessages === undefined || this.#received[reliable]! < this.#byeMessages || this.state === 'gone') return
    void this.#write(control, 'control', JSON.stringify({ type: 'bye-ack' })).catch(() => {}).then(() => {
      this.state = 'gone'
      this.cause = 'closed'
      this.#over.abort()
      clearTimeout(this.#deadline)
      this.#deadline = setTimeout(() => this.end('closed'), byeWait)
      this.#on.changed()
    })
  }
}

function abortion(signal: AbortSignal): SnugError {
  return new SnugError('aborted', 'Sending was aborted.', { cause: signal.reason })
}

function orAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(abortion(signal))
    signal.addEventListener('abort', abort)
    done.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject)
    if (signal.aborted) abort()
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
