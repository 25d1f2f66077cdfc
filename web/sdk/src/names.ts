import { bytesOf } from './frame.ts'

const maxName = 128 // bytes

/** What a channel carries: LINK.md, section 5. */
export type Kind = 'messages' | 'unreliable' | 'stream'

export function isKind(kind: string): kind is Kind {
  return kind === 'messages' || kind === 'unreliable' || kind === 'stream'
}

/** Whether it can name a channel: 1 to 128 bytes without control characters. */
export function isName(name: string): boolean {
  return name !== '' && bytesOf(name).length <= maxName && !/[\p{Cc}\p{Cs}]/u.test(name)
}
