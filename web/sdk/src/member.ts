import type { Path } from './path.ts'
import type { Entry } from './roster.ts'
import type { MemberStanding } from './standing.ts'

/** How a link is: LINK.md, section 1. */
export type LinkState = 'connecting' | 'live' | 'shaky' | 'restarting' | 'rebuilding' | 'gone'

/** Why a link is gone. */
export type Cause =
  | 'closed' | 'left' | 'self' | 'unknown' | 'signaling' | 'timeout' | 'refused'
  | 'no-candidates' | 'no-turn' | 'turn' | 'ice' | 'dtls' | 'silent' | 'forged' | 'sealed'

/** Whether another attempt may succeed. */
export function isTemporary(cause: Cause | undefined): boolean {
  return cause !== undefined && !['closed', 'left', 'self', 'refused', 'sealed'].includes(cause)
}

/** Somebody in the room, at one moment. */
export interface Member extends Readonly<Entry> {
  /** Of the link to it. */
  readonly state: LinkState
  /** Why the link is gone, if it is; while it is connecting, why the one before it failed. */
  readonly cause?: Cause
  /** In a sealed room: what is known of it, once it has proved who it is. */
  readonly standing?: MemberStanding
  /** Somebody there wants to compare emoji: Room.verify() agrees. */
  readonly asks?: boolean
  /** How the link's frames travel, once that is known. */
  readonly path?: Path
  /** The hub has lost it from sight: it may be about to come back, and its link may work. */
  readonly away: boolean
}
