import type { Cause, LinkState } from './member.ts'
import type { Path } from './path.ts'
import { type Candidate, maxCandidatesForOffer, maxCandidatesInSignal, type Signal } from './signals.ts'
import type { Action, LinkEvent, Via } from './step.ts'

// Bounds of LINK.md, section 4, in ms.
const connectWait = 30_000 // until the first carrier is open
const silentWait = 60_000 // without a path, once it was open
const closedWait = 10_000 // without a word, once the carrier was closed from there
export const byeWait = 2_000 // for the answer to a bye
const restartAfter = 1_000 // of silence
const restartWait = 8_000 // from an answer to a path, before the carrier is given up
const serversWait = 5_000 // for the offerer to use new ICE servers
const freshEvery = 4_000 // carriers aren't made faster
const restartEvery = 2_000 // nor offers for the same: Firefox loses a carrier that is restarted again before it has a path
const improveFirst = 30_000
const improveMax = 600_000
const doubtfulFor = 10_000 // after the network has changed, or ICE was restarted
const repeatFirst = 1_000 // doubled each time
const repeatMax = 8_000

type Offer = Signal & { type: 'offer' }

/**
 * Decides what a link does next: LINK.md, section 4. It has no clock, no carrier and no hub: it takes what happened
 * and when, in ms since the link began, and returns what is to be done, so that the same traces drive it here
 * and in Go (signaling/testdata/link-traces.json).
 */
export class Machine {
  #offerer: boolean
  #now = 0 // of the event that is dealt with
  #do: Action[] = [] // for that event

  // Its life.
  #state: LinkState = 'connecting'
  #everOpen = false
  #isOpen = false // the carrier that there is, was
  #gone = false // the end was told
  #closed = false // nothing is left to do
  #closing = false // we said bye
  #parting = false // the other side did
  #lost = false // the carrier was closed by the other side
  #shaken = 0 // when the link became shaky
  #hubAway = false
  #turn = false // there are TURN servers
  #path: Path | undefined
  /** When something is due; 0: never. The first that has come is dealt with first. */
  #at = { deadline: 0, restart: 0, rebuild: 0, improve: 0, repeat: 0 }
  #improveWait = improveFirst

  // Its negotiation: LINK.md, section 3.
  #number = 0 // of the carrier, from 1; 0: there is none
  #n = 0 // the newest offer's number
  #first = '' // the answerer's: the offer with number 1
  #description = '' // ours for n: the offer, or the answer to it
  #taking: Offer | undefined // the answerer's: the offer that is being answered
  #settled = false // both descriptions of n are there
  #answered = false // some offer was
  #want = false // the offerer's: another offer, when one can be made
  #wantFresh = false // for another carrier
  #freshAt = 0 // when the carrier was made
  #offeredAt = 0 // when an offer was made
  #freshN = false // the offer n is the first of its carrier
  #doubtful = 0 // until when the link may lead nowhere: the network has changed, or ICE is restarted
  #needing = false // the answerer's: another offer
  #needFresh = false // for another carrier
  #local: Candidate[] = [] // ours for n
  #localSent = 0 // of them
  #localEnd = false // no more will come
  #endSent = false
  #early: Candidate[] = [] // theirs, before the description that they belong to
  #earlyN = 0
  #candidates = 0 // theirs for n, to bound them
  #ours = { any: false, relay: false } // what kinds of candidates there were
  #theirs = { any: false, relay: false }
  #repeatWait = 0
  #refused = false // the hub couldn't pass on what we said
  #nobody = false // it says that the member isn't there

  constructor(offerer: boolean) {
    this.#offerer = offerer
  }

  /** Takes an event that happened at now. */
  step(now: number, event: LinkEvent): Action[] {
    this.#now = now
    this.#do = []
    if (this.#gone) {
      if (!this.#closed && (event.type === 'closed' || (event.type === 'tick' && now >= this.#at.deadline))) this.#close()
    } else {
      this.#happened(event)
    }
    return this.#do
  }

  /** When a tick is wanted; 0: never. */
  get due(): number {
    const times = Object.values(this.#at).filter(Boolean)
    return times.length && Math.min(...times)
  }

  #happened(e: LinkEvent): void {
    switch (e.type) {
      case 'begin': return this.#begin(e.turn ?? false)
      case 'described': return this.#described(e.sdp!)
      case 'accepted': return this.#settle()
      case 'undescribed': return this.#undescribed()
      case 'gathered': return this.#gathered(e.candidate)
      case 'opened': return this.#opened()
      case 'connected': return this.#connected()
      case 'silent': return this.#silent()
      case 'failed': return this.#failed(e.dtls ?? false)
      case 'closed': return this.#lose()
      case 'path': return this.#pathIs(e.path)
      case 'signaled': return this.#signaled(e.signal!)
      case 'undelivered': return this.#undelivered(e.reason!, e.retry ?? 0)
      case 'hub-lost': return this.#hubLost()
      case 'hub-back': return this.#hubBack()
      case 'servers': return this.#servers(e.turn ?? false)
      case 'left': if (!this.#parting) this.#end('left'); return
      case 'bye': return this.#bye()
      case 'drained': return this.#drained()
      case 'bye-ack': if (this.#closing) this.#end('self'); return
      case 'close': return this.#sayBye()
      case 'broken': return this.#end('refused')
      case 'network': return this.#network()
      case 'tick': return this.#tick()
    }
  }

  /** Does one thing that is due. If there are more, it stays due. */
  #tick(): void {
    const at = this.#at
    const due = (Object.keys(at) as Array<keyof typeof at>).find(what => at[what] && at[what] <= this.#now)
    if (!due) return
    at[due] = 0
    switch (due) {
      case 'deadline': return this.#expire()
      case 'restart': return this.#renew(false)
      case 'rebuild': return this.#renew(true)
      case 'improve': return this.#improve()
      case 'repeat': return this.#repeat()
    }
  }

  #begin(turn: boolean): void {
    this.#turn = turn
    this.#at.deadline = this.#now + connectWait
    if (this.#offerer) {
      this.#want = true
      this.#offer()
    } else {
      this.#needing = true
      this.#repeatLater(repeatFirst)
    }
  }

  #opened(): void {
    this.#lost = false
    this.#everOpen = this.#isOpen = true
    this.#live()
  }

  /** A path alone is no carrier: its data channels may never open. */
  #connected(): void {
    if (this.#isOpen && (this.#state === 'shaky' || this.#state === 'restarting')) this.#live()
  }

  #live(): void {
    if (this.#ending) return
    const at = this.#at
    at.deadline = at.restart = at.rebuild = 0
    if (this.#settled && !this.#needing) at.repeat = 0
    if (this.#offerer && relayed(this.#path)) at.improve ||= this.#now + this.#improveWait
    this.#become('live')
    this.#offer() // if one is wanted that couldn't be made
  }

  get #ending(): boolean {
    return this.#parting || this.#closing
  }

  /** Nothing has come for a few seconds. */
  #silent(): void {
    if (this.#state !== 'live' || this.#ending) return
    this.#shake()
    this.#at.restart = this.#now + restartAfter
  }

  #shake(): void {
    const at = this.#at
    this.#become('shaky')
    at.deadline ||= this.#now + silentWait
    at.improve = 0
    this.#shaken = this.#now
    this.#do.push({ do: 'probe' })
  }

  /** The carrier has given up. */
  #failed(dtls: boolean): void {
    if (this.#ending) return
    if (!this.#everOpen) return this.#end(dtls ? 'dtls' : this.#whyNot())
    if (this.#state === 'live') this.#shake()
    this.#renew(true)
  }

  /** The other side has closed the carrier. Without a bye it has given it up for another, of which it is about to speak, or has given up the link. */
  /** Bounds the wait for the word that the other side owes who has lost its carrier. Without a hub it can't come. */
  #awaitWord(): void {
    if (this.#lost && !this.#hubAway) this.#at.deadline = Math.min(this.#at.deadline, this.#now + closedWait)
  }

  #hubLost(): void {
    this.#hubAway = true
    if (this.#lost) this.#at.deadline = this.#shaken + silentWait
  }

  #lose(): void {
    if (this.#parting || !this.#everOpen) return this.#end('closed')
    if (this.#closing) return this.#end('self')
    this.#lost = true
    this.#shake()
    this.#awaitWord()
    if (this.#offerer) return
    this.#needFresh = this.#needing = true
    this.#repeatLater(repeatFirst)
  }

  /** This machine's network has changed: what was negotiated may lead nowhere. */
  #network(): void {
    if (this.#ending) return
    this.#doubtful = this.#now + doubtfulFor
    this.#improveWait = improveFirst
    this.#renew(false)
  }

  #hubBack(): void {
    this.#hubAway = false
    if (this.#ending) return
    this.#awaitWord()
    if (this.#state !== 'live' || (this.#needing && this.#n > 0)) this.#again()
    this.#offer()
  }

  /** There are other ICE servers. A path over a relay needs them before the old ones end. */
  #servers(turn: boolean): void {
    this.#turn = turn
    if (this.#state !== 'live' || !relayed(this.#path)) return
    if (this.#offerer) this.#renew(false)
    else this.#at.restart = this.#now + serversWait // the offerer was told the same
  }

  #pathIs(path: Path | undefined): void {
    const was = relayed(this.#path)
    this.#path = path
    if (!relayed(path)) {
      this.#at.improve = 0
      this.#improveWait = improveFirst
    } else if (!was && this.#offerer) {
      this.#at.improve = this.#now + this.#improveWait
    }
  }

  /** Tries whether a path over a relay can be done without by now. */
  #improve(): void {
    if (this.#state !== 'live' || !relayed(this.#path)) return
    this.#improveWait = Math.min(2 * this.#improveWait, improveMax)
    this.#at.improve = this.#now + this.#improveWait
    this.#renew(false)
  }

  #bye(): void {
    if (this.#closing) return this.#end('self') // each said it to the other
    this.#parting = true
    this.#rest()
    this.#at.deadline = this.#now + silentWait
  }

  /** The other side closes now. Until it has, our answer may still be on its way. */
  #drained(): void {
    this.#tellEnd('closed')
    this.#rest()
    this.#at.deadline = this.#now + byeWait
  }

  #sayBye(): void {
    if (this.#ending || !this.#everOpen) return this.#end('self')
    this.#closing = true
    this.#rest()
    this.#at.deadline = this.#now + byeWait
  }

  /** The state has lasted too long. */
  #expire(): void {
    if (this.#closing) this.#end('self')
    else if (this.#parting || this.#lost) this.#end('closed')
    else this.#end(this.#everOpen ? 'silent' : this.#whyNot())
  }

  /** Why the first carrier hasn't opened. */
  #whyNot(): Cause {
    if (!this.#answered) return this.#hubAway ? 'signaling' : this.#nobody ? 'unknown' : 'timeout'
    if (!this.#ours.any || !this.#theirs.any) return 'no-candidates'
    if (this.#ours.relay || this.#theirs.relay) return 'ice'
    return this.#turn ? 'turn' : 'no-turn'
  }

  #become(state: LinkState): void {
    if (this.#state === state) return
    this.#state = state
    this.#do.push({ do: 'state', state })
  }

  /** Has nothing more negotiated: the link is about to end. */
  #rest(): void {
    this.#want = this.#wantFresh = this.#needing = false
    this.#at = { deadline: 0, restart: 0, rebuild: 0, improve: 0, repeat: 0 }
  }

  #tellEnd(cause: Cause): void {
    this.#gone = true
    this.#state = 'gone'
    this.#do.push({ do: 'end', cause })
  }

  #end(cause: Cause): void {
    this.#tellEnd(cause)
    this.#close()
  }

  #close(): void {
    this.#rest()
    this.#closed = true
    this.#do.push({ do: 'close' })
  }

  /** Has the path negotiated anew, over the carrier that is there or a fresh one. */
  #renew(fresh: boolean): void {
    this.#at.restart = 0
    if (this.#offerer) {
      this.#want = true
      this.#wantFresh ||= fresh
      this.#offer()
    } else {
      this.#needing = true
      this.#needFresh ||= fresh
      this.#again()
      this.#repeatLater(repeatFirst)
    }
  }

  /** Makes an offer if one is wanted and can be made: one at a time (Pion has no rollback), and when it can reach the other side, lest its candidates be stale. */
  #offer(): void {
    if (!this.#want) return
    if (this.#hubAway && this.#n > 0) return // #hubBack comes here again
    const fastest = this.#freshAt + freshEvery
    if (this.#wantFresh && this.#number > 0 && this.#now < fastest) {
      this.#at.rebuild = fastest
      return
    }
    if (this.#n > 0 && !this.#settled && !this.#wantFresh) return // #settle comes here again
    const soonest = this.#offeredAt + restartEvery
    if (this.#n > 0 && !this.#wantFresh && this.#now < soonest) {
      this.#at.restart = soonest
      return
    }
    this.#offeredAt = this.#now
    this.#freshN = this.#number === 0 || this.#wantFresh
    this.#want = this.#wantFresh = false
    this.#prepare(this.#freshN, this.#number + 1)
    this.#do.push({ do: 'offer', restart: !this.#freshN || undefined })
  }

  /** Has the carrier for the next description there. */
  #prepare(fresh: boolean, number: number): void {
    const at = this.#at
    if (this.#everOpen && (fresh || this.#state !== 'live')) this.#become(fresh ? 'rebuilding' : 'restarting')
    if (!fresh) {
      this.#doubtful = this.#now + doubtfulFor // Pion leaves the old path as soon as it restarts
      return
    }
    if (this.#everOpen && (this.#lost || !at.deadline)) at.deadline = this.#now + silentWait
    this.#lost = this.#isOpen = false
    this.#number = number
    this.#freshAt = this.#now
    at.rebuild = 0
    this.#do.push({ do: 'carrier', number })
  }

  /** Our description is made. */
  #described(sdp: string): void {
    this.#description = sdp
    this.#local = []
    this.#localEnd = false
    if (this.#offerer) {
      this.#n++
      this.#settled = false
      this.#at.rebuild = 0
      this.#say(false)
      this.#repeatLater(repeatFirst)
      return
    }
    const { n, sdp: offer } = this.#taking!
    this.#first ||= offer
    this.#n = n
    this.#taking = undefined
    this.#needing = this.#needFresh = false
    this.#at.restart = 0
    this.#say(false)
    this.#settle()
  }

  /** A description couldn't be made or taken. */
  #undescribed(): void {
    if (this.#offerer) {
      if (this.#n === 0) this.#end('ice') // it can do nothing at all
      else this.#at.rebuild = this.#now + restartWait // an offer is repeated, or wanted again when its time has passed
    } else if (this.#n === 0) {
      this.#number = 0 // what is half taken is of no more use; the offer is repeated
    } else {
      this.#renew(true)
    }
  }

  /** Both descriptions are there. */
  #settle(): void {
    this.#settled = this.#answered = true
    this.#at.repeat = 0
    const early = this.#early
    this.#early = []
    this.#candidates = 0
    if (this.#earlyN === this.#n) this.#add(early)
    // The offerer first: nothing may be wrong to it.
    if (this.#state === 'restarting' || this.#state === 'rebuilding') this.#at.rebuild = this.#now + (this.#offerer ? 1 : 1.25) * restartWait
    this.#offer()
  }

  #signaled(s: Signal): void {
    this.#nobody = false
    if (s.type === 'candidates') this.#takeCandidates(s.n, s.candidates)
    else if (s.type === 'offer') { if (!this.#offerer) this.#takeOffer(s) }
    else if (!this.#offerer) return
    else if (s.type === 'need-offer') this.#takeNeed(s.n, s)
    else if (s.n === this.#n && !this.#settled) this.#do.push({ do: 'accept', sdp: s.sdp })
  }

  #takeOffer(s: Offer): void {
    if (this.#n > 0 && s.n === 1 && s.sdp !== this.#first) return this.#replace(s) // it counts from 1 again
    if (s.n === this.#n) return this.#say(true)
    if (s.n < this.#n || s.carrier < this.#number || this.#ending) return
    this.#prepare(s.carrier !== this.#number, s.carrier)
    this.#taking = s
    this.#do.push({ do: 'answer', sdp: s.sdp })
  }

  /** The other side wishes for an offer. */
  #takeNeed(n: number, s: Signal & { type: 'need-offer' }): void {
    if (n === 0 && this.#answered) this.#replace(s) // it knows nothing of what it answered
    else if (s.fresh && (n === this.#n || (n + 1 === this.#n && !this.#freshN))) this.#renew(true)
    else if (!this.#settled) this.#say(true)
    else if (n === this.#n) this.#renew(false)
  }

  /** Gives way to a new link: the other side has none any more, or another. */
  #replace(signal: Signal): void {
    this.#end(this.#answered && !this.#everOpen ? this.#whyNot() : 'closed') // the other side has only given up sooner
    this.#do.push({ do: 'replace', signal })
  }

  #takeCandidates(n: number, all: Candidate[]): void {
    if (n < this.#n) return
    if (n === this.#n && this.#settled) return this.#add(all)
    if (n !== this.#earlyN) this.#early = []
    this.#earlyN = n
    this.#early.push(...all.slice(0, maxCandidatesForOffer - this.#early.length))
  }

  #add(all: Candidate[]): void {
    const candidates = all.slice(0, maxCandidatesForOffer - this.#candidates)
    this.#candidates += candidates.length
    for (const c of candidates) note(this.#theirs, c)
    if (candidates.length) this.#do.push({ do: 'candidates', candidates })
  }

  /** There is a candidate of ours, or no more. */
  #gathered(c: Candidate | undefined): void {
    if (!c) {
      this.#localEnd = true
    } else if (this.#local.length < maxCandidatesForOffer) {
      this.#local.push(c)
      note(this.#ours, c)
    }
    if (this.#description) this.#sayCandidates(false)
  }

  /** Sends our description of n and its candidates. */
  #say(repeated: boolean): void {
    if (!this.#description) return
    this.#send({ type: this.#offerer ? 'offer' : 'answer', n: this.#n, carrier: this.#number, sdp: this.#description }, repeated)
    this.#localSent = 0
    this.#endSent = false
    this.#sayCandidates(repeated)
  }

  /** Sends those that weren't. */
  #sayCandidates(repeated: boolean): void {
    while (this.#localSent < this.#local.length || (this.#localEnd && !this.#endSent)) {
      const candidates = this.#local.slice(this.#localSent, this.#localSent + maxCandidatesInSignal)
      this.#localSent += candidates.length
      this.#endSent = this.#localEnd && this.#localSent === this.#local.length
      this.#send({ type: 'candidates', n: this.#n, candidates, end: this.#endSent || undefined }, repeated)
    }
  }

  /** Sends on the way that most probably works: where that isn't known, on both. What comes twice is dropped there. */
  #send(signal: Signal, repeated: boolean): void {
    const live = this.#state === 'live'
    let via: Via = 'hub'
    if (live && (repeated || this.#now < this.#doubtful)) via = 'both'
    else if (live || (this.#everOpen && this.#hubAway && !this.#lost)) via = 'link'
    this.#do.push({ do: 'send', signal, via })
  }

  /** Says what the other side may not have got. */
  #again(): void {
    if (this.#needing) this.#send({ type: 'need-offer', n: this.#n, fresh: this.#needFresh || undefined }, true)
    else this.#say(true)
  }

  /** While the hub is away nothing is said to it: the session keeps what was, or tells that it is lost. */
  #repeat(): void {
    if (this.#settled && !this.#needing && !this.#refused) return
    this.#refused = false
    if (this.#state === 'live' || !this.#hubAway) this.#again()
    this.#repeatLater(Math.min(2 * this.#repeatWait, repeatMax))
  }

  #repeatLater(wait: number): void {
    this.#repeatWait = wait
    this.#at.repeat = this.#now + wait
  }

  /** The hub couldn't pass on a signal. */
  #undelivered(reason: string, retry: number): void {
    if (reason === 'forbidden') {
      if (!this.#everOpen) this.#end('refused')
    } else if (reason !== 'slow' && reason !== 'limit') {
      this.#nobody = true // unless it comes back; who has left is the roster's matter
    } else if (this.#state !== 'live') {
      this.#refused = true
      this.#repeatLater(Math.max(this.#repeatWait, retry, repeatFirst))
    }
  }
}

function note(found: { any: boolean; relay: boolean }, { candidate }: Candidate): void {
  found.any ||= candidate !== ''
  found.relay ||= candidate.includes(' typ relay')
}

function relayed(path: Path | undefined): boolean {
  return path?.startsWith('relay-') ?? false
}
