// The results of the lab as tables, printed by the tests and kept for paths.js, which writes docs/paths.md.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { kinds } from './networks.js'

const folder = 'out/nat'
const row = cells => `| ${cells.join(' | ')} |`

/** Keeps results for paths.js. */
export function keep(name, results) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/${name}.json`, JSON.stringify(results))
}

/** What was kept, or nothing. */
export function kept(name) {
  const file = `${folder}/${name}.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** A matrix in Markdown: who comes down the side, who is there across the top. */
export function table(results) {
  const all = Object.keys(kinds)
  const cell = (here, there) => {
    const found = results.find(r => r.here === here && r.there === there)
    return found ? `${found.path}, ${Math.round(found.took)} ms` : ''
  }
  return [row(['', ...all]), row(['---', ...all.map(() => '---')]), ...all.map(here => row([here, ...all.map(there => cell(here, there))]))].join('\n')
}

/** A table of times: lists of ms by path and kind of member. */
export function timesTable(times) {
  const at = (sorted, part) => Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)])
  const rows = times.map(({ path, members, took }) => {
    const sorted = [...took].sort((a, b) => a - b)
    return row([path, members, at(sorted, 0.5), at(sorted, 0.95)])
  })
  return [row(['path', 'members', 'p50', 'p95']), row(['---', '---', '---:', '---:']), ...rows].join('\n')
}
