/** Text cut into plain parts and links; only http and https become links. */
export function linkify(text: string): Array<{ text: string; href?: string }> {
  const parts: Array<{ text: string; href?: string }> = []
  let end = 0
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'，。；！？）」』】]+/g)) {
    const href = match[0].replace(/[.,;:!?)\]}]+$/, '')
    if (!URL.canParse(href)) continue
    if (match.index > end) parts.push({ text: text.slice(end, match.index) })
    parts.push({ text: href, href })
    end = match.index + href.length
  }
  if (end < text.length) parts.push({ text: text.slice(end) })
  return parts
}

/** A name for who hasn't given one: "Guest 4F". */
export function guestName(guest: string): string {
  const [byte = 0] = crypto.getRandomValues(new Uint8Array(1))
  return `${guest} ${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

/** One of eight colours, always the same for an id. */
export function colourOf(id: string): number {
  let sum = 0
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) >>> 0
  return sum % 8
}

/** What names and texts may not do to the page: change the direction of what surrounds them. */
export function plain(text: string): string {
  return text.replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, '')
}
