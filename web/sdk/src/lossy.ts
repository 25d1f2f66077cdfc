import { type Frame, flagDropped, flagKeyed, flagMore, flagSized, flagText, keyOf, refused, textOf } from './frame.ts'
import type { Inlet, Item } from './inlet.ts'
import { frameCost, maxKey } from './outlet.ts'

const maxUnread = 256 * 1024 // bytes of unreliable messages that one link may have here
const maxKeys = 256 // that are remembered for a channel

/** The message in a frame of the unreliable data channel. Throws if it breaks the protocol. */
export function lossyItem({ flags, payload }: Frame): Item {
  if (flags & (flagMore | flagSized | flagDropped)) throw refused()
  const keyed = flags & flagKeyed ? 1 + (payload[0] ?? 0) : 0
  if (keyed === 1 || keyed > 1 + maxKey || keyed > payload.length) throw refused()
  const bytes = payload.subarray(keyed)
  const key = keyed ? keyOf(payload.subarray(1, keyed)) : undefined
  return { data: flags & flagText ? textOf(bytes) : bytes.slice(), key, cost: bytes.length + frameCost, reserved: 0, unreliable: true }
}

/** Unreliable messages of a link that the application hasn't taken: bounded, and the newest of each key. */
export class Lossy {
  /** Bytes. */
  used = 0

  /** Has a message wait, or take the place of one that does. Tells whether one waits more than before. */
  put({ keys, waiting }: Inlet, item: Item, sequence: number): boolean {
    const { key } = item
    const known = key === undefined ? undefined : keys.get(key)
    if (known && ((sequence - known.sequence) | 0) <= 0) return false
    const old = known && waiting.includes(known.item) ? known.item : undefined
    const more = item.cost - (old?.cost ?? 0)
    if (this.used + more > maxUnread) return false
    this.used += more
    if (key !== undefined) {
      const [oldest] = keys.keys()
      if (known) keys.delete(key)
      else if (keys.size >= maxKeys) keys.delete(oldest!)
      keys.set(key, { sequence, item: old ?? item })
    }
    if (old) Object.assign(old, item)
    else waiting.push(item)
    return !old
  }
}
