// The golden messages, which Go's tests read too.
import chat from '../../../signaling/testdata/chat.json'
import frames from '../../../signaling/testdata/frames.json'
import fromHub from '../../../signaling/testdata/from-hub.json'
import linkSignals from '../../../signaling/testdata/link-signals.json'
import roles from '../../../signaling/testdata/roles.json'
import toHub from '../../../signaling/testdata/to-hub.json'

/** A text that is refused with `error`, or decodes to `value`, or else to itself. */
export interface TextCase { name: string; text: string; value?: unknown; error?: string }

export interface FrameCase {
  name: string
  hex: string
  type?: 'control' | 'message'
  text?: boolean
  channel?: number
  sequence?: number
  payload?: string
  ignored?: boolean
  error?: string
}

export interface RoleCase {
  name: string
  self: { id: string; kind: string }
  other: { id: string; kind: string }
  offers: boolean
}

export const goldens = {
  chat: chat.cases as TextCase[],
  frames: frames.cases as FrameCase[],
  fromHub: fromHub.cases as TextCase[],
  linkSignals: linkSignals.cases as TextCase[],
  roles: roles.cases as RoleCase[],
  toHub: toHub.cases as TextCase[],
}

/** What a case decodes to. */
export function valueOf({ text, value }: TextCase): unknown {
  return value ?? JSON.parse(text)
}
