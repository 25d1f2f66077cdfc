import type { Cause, LinkState } from './member.ts'
import type { Path } from './path.ts'
import type { Candidate, Signal } from './signals.ts'

// What a link's machine takes, and what it returns.

/** Something that happened to a link. */
export interface LinkEvent {
  type:
    | 'begin' // the first
    // The results of actions, before anything else.
    | 'described' // of offer and answer
    | 'accepted' // of accept
    | 'undescribed' // of each of them: it couldn't be done
    // From the newest carrier.
    | 'gathered'
    | 'opened' // all data channels are
    | 'connected' // there is a path again
    | 'silent' // for a few seconds
    | 'failed'
    | 'closed' // by the other side
    | 'path' // the worse of both legs
    // From the hub.
    | 'signaled' // also over the link
    | 'undelivered' | 'hub-lost' | 'hub-back'
    | 'servers' // other ICE servers
    | 'left' // the member said bye to the hub, or was kicked
    // From the link and its user.
    | 'bye' // the other side closes
    | 'drained' // all it had sent is here, and it was told so
    | 'bye-ack'
    | 'close' // we close
    | 'broken' // the other side broke the protocol
    | 'network' // this machine's addresses changed, or it is online again
    | 'tick' // it is due
  signal?: Signal // signaled
  sdp?: string // described
  candidate?: Candidate | undefined // gathered; none: no more will come
  dtls?: boolean // failed: the handshake did, not the path
  reason?: string // undelivered
  retry?: number | undefined // undelivered: in ms
  turn?: boolean // begin, servers: there are TURN servers
  path?: Path | undefined // path
}

/** Something that is to be done. */
export type Action =
  | { do: 'carrier'; number: number } // close the old one, if there is one, and make the one with this number
  | { do: 'offer'; restart?: boolean | undefined } // make an offer and take it as the local description; with new ICE credentials
  | { do: 'answer'; sdp: string } // take this offer and answer it
  | { do: 'accept'; sdp: string } // take this answer
  | { do: 'candidates'; candidates: Candidate[] } // take these of the other side
  | { do: 'send'; signal: Signal; via: Via }
  | { do: 'probe' } // the hub: the network may have failed for both
  | { do: 'state'; state: LinkState }
  | { do: 'end'; cause: Cause } // the link is gone; comes once
  | { do: 'replace'; signal: Signal } // by a new link that begins with this signal
  | { do: 'close' } // the carrier, and be done: the last

/** The way that a signal takes; link is the control channel. */
export type Via = 'hub' | 'link' | 'both'
