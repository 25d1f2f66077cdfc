// The golden messages, which Go's tests read too.
import channelTraces from '../../../signaling/testdata/channel-traces.json'
import chat from '../../../signaling/testdata/chat.json'
import frames from '../../../signaling/testdata/frames.json'
import fromHub from '../../../signaling/testdata/from-hub.json'
import linkSignals from '../../../signaling/testdata/link-signals.json'
import linkTraces from '../../../signaling/testdata/link-traces.json'
import paths from '../../../signaling/testdata/paths.json'
import requests from '../../../signaling/testdata/requests.json'
import roles from '../../../signaling/testdata/roles.json'
import rosters from '../../../signaling/testdata/rosters.json'
import seal from '../../../signaling/testdata/seal.json'
import toHub from '../../../signaling/testdata/to-hub.json'
import type { Path, PathEnd } from '../src/path.ts'
import type { Roster } from '../src/roster.ts'
import type { Action, LinkEvent } from '../src/step.ts'

/** What a change makes of a roster, and the ids of whom it changed. */
export interface RosterCase { name: string; roster: Roster; change: unknown; left: string[]; joined: string[]; away: string[]; after: Roster }

/** A text that is refused with `error`, or decodes to `value`, or else to itself. */
export interface TextCase { name: string; text: string; value?: unknown; error?: string }

export interface FrameCase {
  name: string
  hex: string
  type?: 'control' | 'message' | 'open' | 'close' | 'stop'
  flags?: number
  channel?: number
  sequence?: number
  payload?: string
  ignored?: boolean
  error?: string
}

/** What happens to a link's machine, what it does, and when it wants a tick next. */
export interface Trace { name: string; offerer: boolean; steps: Array<{ at: number; event: LinkEvent; do: Action[]; due: number }> }

/** What happens to the channels of a link, on the receiving or on the sending side, and what comes of it: the file says what the steps mean. */
export interface ChannelTrace { name: string; side: 'in' | 'out'; steps: ChannelStep[] }

export interface ChannelStep {
  do: string
  on?: number
  type?: number
  flags?: number
  channel?: number
  sequence?: number
  hex?: string
  text?: string
  zeros?: number
  times?: number
  message?: number
  channels?: number
  kind?: string
  size?: number
  frames?: number
  windows?: Record<string, number>
  opens?: number
  got?: Array<{ what: string; times?: number; [name: string]: unknown }>
  due?: 'soon' | 'now'
  reserved?: number
  wider?: number
  unreliable?: number
}

export interface RoleCase {
  name: string
  self: { id: string; kind: string }
  other: { id: string; kind: string }
  offers: boolean
}

/** The leg between two ends, or the worse of two legs. */
export type PathCase = { name: string; local: PathEnd; remote: PathEnd; leg: Path } | { name: string; a: string; b: string; worse: string }

/** What another program says of sealed rooms. */
export interface SealVectors {
  keys: Array<{ key: string; room: string; signals: string }>
  invites: Array<{ name: string; invite: string; room?: string; key?: string; error?: string }>
  entries: Array<{ name: string; key: string; from: string; salt: string; plain: string; meta: Record<string, unknown>; unreadable?: boolean }>
  signals: Array<{ name: string; key: string; from: string; to: string; salt: string; n: number; plain: string; body: unknown; dropped?: boolean }>
  windows: Array<{ name: string; steps: Array<{ n: number; taken: boolean }> }>
}

export const goldens = {
  channelTraces: channelTraces.cases as ChannelTrace[],
  chat: chat.cases as TextCase[],
  frames: frames.cases as FrameCase[],
  fromHub: fromHub.cases as TextCase[],
  linkSignals: linkSignals.cases as TextCase[],
  linkTraces: linkTraces.cases as Trace[],
  paths: paths.cases as PathCase[],
  requests: requests.cases as Array<TextCase & { long?: number }>,
  roles: roles.cases as RoleCase[],
  rosters: rosters.cases as RosterCase[],
  seal: seal as SealVectors,
  toHub: toHub.cases as TextCase[],
}

/** What a case decodes to. */
export function valueOf({ text, value }: TextCase): unknown {
  return value ?? JSON.parse(text)
}
