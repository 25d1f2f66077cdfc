import { count, object, parse, string } from './decode.ts'
import { textOf } from './frame.ts'
import type { Path } from './path.ts'
import { decodeSignal, type Signal } from './signals.ts'

/** What is said on the control channel: LINK.md, section 5. `messages` counts those of the reliable channel, as long as the link lives. */
export type Control = { type: 'bye' | 'ack'; messages: number } | { type: 'bye-ack' } | { type: 'path'; path: Path } | Signal

/** Decodes a control message; undefined for unknown types, and for signals that break their rules. Throws if it is none. */
export function decodeControl(payload: string | Uint8Array): Control | undefined {
  const m = object(parse(textOf(payload)))
  const type = string(m['type'] ?? '', 'type', true)
  switch (type) {
    case 'bye':
    case 'ack': return { type, messages: count(m['messages'] ?? 0, 'messages') }
    case 'bye-ack': return { type }
    case 'path': return { type, path: string(m['path'] ?? '', 'path', true) as Path }
  }
  try {
    return decodeSignal(m)
  } catch {
    return undefined
  }
}
