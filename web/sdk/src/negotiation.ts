import { type Candidate, maxCandidatesForOffer, maxCandidatesInSignal, type Signal } from './signals.ts'

const repeatFirst = 1_000 // ms, doubled each time
const repeatMax = 8_000

/**
 * Offers and answers of one link: LINK.md, section 3. One promise chain does one
 * thing after the other, so that awaiting can't reorder descriptions and candidates.
 */
export class Negotiation {
  #pc: RTCPeerConnection
  #offerer: boolean
  #send: (signal: Signal) => void
  #anew: (signal: Signal) => void
  #away: () => boolean
  #chain = Promise.resolve()
  #stopped = false

  #n = 0 // the newest offer's number
  #first: string | undefined // the answerer's: the offer it began with
  #description: string | undefined // ours for n
  #settled = false // both descriptions of n are there
  #local: Candidate[] = []
  #localSent = 0
  #localEnd = false
  #endSent = false
  #early: { n: number; candidates: Candidate[] } = { n: 0, candidates: [] }
  #taken = 0 // candidates of theirs for n

  #timer: ReturnType<typeof setTimeout> | undefined
  #wait = repeatFirst
  #refused = false // signals of ours, by the hub

  /**
   * anew is called with the signal by which the other side begins again, because it gave its link up. While
   * the hub is away nothing is repeated: the session keeps what was said, or tells that it is lost.
   */
  constructor(pc: RTCPeerConnection, offerer: boolean, send: (signal: Signal) => void, anew: (signal: Signal) => void, away = () => false) {
    this.#pc = pc
    this.#offerer = offerer
    this.#send = send
    this.#anew = anew
    this.#away = away
    pc.addEventListener('icecandidate', ({ candidate }) => this.#gathered(candidate))
    this.#schedule()
    if (offerer) this.#do(() => this.#offer())
  }

  get isSettled(): boolean {
    return this.#settled
  }

  take(signal: Signal): void {
    this.#do(() => this.#take(signal))
  }

  /** Says again what the other side may not have got, and goes on doing so. */
  repeat(): void {
    this.#wait = repeatFirst
    this.#do(async () => this.#again())
    this.#schedule()
  }

  /** The same, but not before so many ms have passed: signals of ours were refused. */
  repeatLater(wait = repeatFirst): void {
    this.#refused = true
    this.#wait = Math.max(this.#wait, wait)
    this.#schedule()
  }

  settled(): void {
    clearTimeout(this.#timer)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #do(step: () => Promise<void>): void {
    this.#chain = this.#chain.then(async () => {
      if (this.#stopped) return
      try {
        await step()
      } catch (error) {
        if (!this.#stopped) console.warn('snug: a signal could not be taken:', error)
      }
    })
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#settled && !this.#refused) return
      this.#refused = false
      if (!this.#away()) this.#do(async () => this.#again())
      this.#wait = Math.min(2 * this.#wait, repeatMax)
      this.#schedule()
    }, this.#wait)
  }

  #again(): void {
    if (this.#description !== undefined) {
      this.#send({ type: this.#offerer ? 'offer' : 'answer', n: this.#n, sdp: this.#description })
      this.#localSent = 0
      this.#endSent = false
      this.#sendCandidates()
    } else if (!this.#offerer) {
      this.#send({ type: 'need-offer', n: this.#n })
    }
  }

  async #offer(): Promise<void> {
    await this.#pc.setLocalDescription()
    this.#n++
    this.#say('offer')
  }

  #say(type: 'offer' | 'answer'): void {
    this.#description = this.#pc.localDescription?.sdp ?? ''
    this.#send({ type, n: this.#n, sdp: this.#description })
    this.#sendCandidates()
  }

  #gathered(candidate: RTCIceCandidate | null): void {
    if (!candidate) {
      this.#localEnd = true
    } else if (candidate.candidate !== '' && this.#local.length < maxCandidatesForOffer) {
      this.#local.push({
        candidate: candidate.candidate,
        ...(candidate.sdpMid === null ? {} : { mid: candidate.sdpMid }),
        ...(candidate.sdpMLineIndex === null ? {} : { line: candidate.sdpMLineIndex }),
      })
    }
    if (this.#description !== undefined) this.#sendCandidates()
  }

  #sendCandidates(): void {
    while (this.#localSent < this.#local.length || (this.#localEnd && !this.#endSent)) {
      const candidates = this.#local.slice(this.#localSent, this.#localSent + maxCandidatesInSignal)
      this.#localSent += candidates.length
      this.#endSent = this.#localEnd && this.#localSent === this.#local.length
      this.#send({ type: 'candidates', n: this.#n, candidates, ...(this.#endSent ? { end: true } : {}) })
    }
  }

  async #take(signal: Signal): Promise<void> {
    switch (signal.type) {
      case 'offer':
        if (this.#offerer) return
        if (this.#n > 0 && signal.n === 1 && signal.sdp !== this.#first) return this.#anew(signal)
        if (signal.n < this.#n) return
        if (signal.n === this.#n) return this.#again()
        await this.#pc.setRemoteDescription({ type: 'offer', sdp: signal.sdp })
        await this.#pc.setLocalDescription()
        this.#n = signal.n
        this.#first ??= signal.sdp
        this.#say('answer')
        return this.#settle()
      case 'answer':
        if (!this.#offerer || signal.n !== this.#n || this.#settled) return
        await this.#pc.setRemoteDescription({ type: 'answer', sdp: signal.sdp })
        return this.#settle()
      case 'candidates':
        if (signal.n < this.#n) return
        if (signal.n === this.#n && this.#settled) return this.#add(signal.candidates)
        if (signal.n !== this.#early.n) this.#early = { n: signal.n, candidates: [] }
        this.#early.candidates.push(...signal.candidates.slice(0, maxCandidatesForOffer - this.#early.candidates.length))
        return
      case 'need-offer':
        if (!this.#offerer) return
        if (!this.#settled) this.#again()
        else if (signal.n === 0) this.#anew(signal)
    }
  }

  async #settle(): Promise<void> {
    this.#settled = true
    if (!this.#refused) clearTimeout(this.#timer)
    const { n, candidates } = this.#early
    this.#early = { n: 0, candidates: [] }
    this.#taken = 0
    if (n === this.#n) await this.#add(candidates)
  }

  async #add(candidates: Candidate[]): Promise<void> {
    for (const { candidate, mid, line } of candidates) {
      if (candidate === '' || ++this.#taken > maxCandidatesForOffer) continue
      try {
        await this.#pc.addIceCandidate({ candidate, sdpMid: mid ?? null, sdpMLineIndex: line ?? null })
      } catch {
        // One that this browser can't use; others follow.
      }
    }
  }
}
