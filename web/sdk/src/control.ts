import { count, object, parse, string } from './decode.ts'
import { maxPayload, refused } from './frame.ts'
import type { Path } from './path.ts'
import { decodeSignal, type Signal } from './signals.ts'

/** How much has come, and may come in all: frames of the reliable data channel, cost on each channel, channels opened. */
export interface Acknowledgement { frames: number; windows: Record<string, number>; opens: number }

/** What is said on the control channel: LINK.md, section 5. */
export type Control =
  | { type: 'hello'; message: number; channels: number } // the longest message that is taken, and how many channels at first
  | { type: 'ack' } & Acknowledgement
  | { type: 'bye'; frames: number } // how many there were
  | { type: 'verify' | 'verify-cancel'; message: unknown } // as it is: trust.ts's
  | { type: 'bye-ack' } | { type: 'path'; path: Path } | Signal

/** Decodes a control message; undefined for unknown types, and for signals that break their rules. Throws if it is none. */
export function decodeControl(text: string): Control | undefined {
  const m = object(parse(text))
  const type = string(m['type'] ?? '', 'type', true)
  const number = (name: string) => count(m[name] ?? 0, name)
  switch (type) {
    case 'hello': {
      const message = number('message')
      if (message < maxPayload) throw refused()
      return { type, message, channels: number('channels') }
    }
    case 'ack': {
      const windows = object(m['windows'] ?? {}) as Record<string, number>
      for (const id in windows) count(windows[id], 'a window')
      return { type, frames: number('frames'), windows, opens: number('opens') }
    }
    case 'bye': return { type, frames: number('frames') }
    case 'verify':
    case 'verify-cancel': return { type, message: m }
    case 'bye-ack': return { type }
    case 'path': return { type, path: string(m['path'] ?? '', 'path', true) as Path }
  }
  try {
    return decodeSignal(m)
  } catch {
    return undefined
  }
}
