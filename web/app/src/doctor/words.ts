// What the checks say. The sentences are those that snug doctor says in a terminal, from the same file.
import english from '../../../../internal/doctor/words.json'
import chinese from './words.zh.json'

export type Status = 'ok' | 'warn' | 'fail' | 'skipped'

interface Text { status: Status; what: string; means?: string; mend?: string }
type Catalogue = Record<string, Record<string, Text | string>>
type Translation = Record<string, Record<string, string | readonly string[]>>

/** What one check found, in no language yet. */
export interface Found {
  id: string // one of checks
  kind: string
  with: Record<string, string>
}

export interface Result {
  id: string
  title: string
  status: Status
  what: string
  means: string
  mend: string
}

/** All checks of the page, in the order in which they are shown: what waits longest comes last. */
export const checks = ['hub', 'https', 'clock', 'websocket', 'http', 'join', 'path', 'stun', 'nat', 'turn', 'turn-udp', 'turn-tcp', 'turn-tls', 'range', 'firewall', 'ipv6', 'idle'] as const

export const catalogue = english as Catalogue
export const translation = chinese as Translation

/** What was found, in a language. What isn't translated is said in English. */
export function render(language: string, { id, kind, with: values }: Found): Result {
  const way = id.startsWith('turn-') ? id.slice('turn-'.length) : undefined
  const check = way ? 'relay' : id
  const text = catalogue[check]?.[kind] as Text | undefined
  const all = way ? { way: way.toUpperCase(), without: what(language, 'without', way), ...values } : values
  return {
    id, title: fill(titleOf(language, check), all), status: text?.status ?? 'skipped',
    what: fill(what(language, check, kind), all), means: fill(part(language, check, kind, 1), all), mend: fill(part(language, check, kind, 2), all),
  }
}

/** What a check is called. */
export function title(language: string, id: string): string {
  return render(language, { id, kind: '', with: {} }).title
}

function titleOf(language: string, check: string): string {
  return String((language === 'zh' ? translation[check]?.['title'] : undefined) ?? catalogue[check]?.['title'] ?? check)
}

function what(language: string, check: string, kind: string): string {
  return part(language, check, kind, 0)
}

function part(language: string, check: string, kind: string, n: 0 | 1 | 2): string {
  if (kind === '') return ''
  const translated = language === 'zh' ? translation[check]?.[kind] : undefined
  if (Array.isArray(translated)) return String(translated[n] ?? '')
  const text = catalogue[check]?.[kind] as Text | undefined
  return (n === 0 ? text?.what : n === 1 ? text?.means : text?.mend) ?? ''
}

function fill(template: string, values: Record<string, string>): string {
  return template.replaceAll(/\{(\w+)\}/g, (all, name: string) => Object.hasOwn(values, name) ? values[name]! : all)
}
