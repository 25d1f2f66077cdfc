// The results of the lab: kept in out/nat, printed, and written into docs/paths.md by docs.js.
import { mkdirSync, writeFileSync } from 'node:fs'
import { kinds } from './networks.js'

const folder = 'out/nat'

/** Keeps results for docs.js. */
export function keep(name, results) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/${name}.json`, JSON.stringify(results))
}

/** A table in Markdown: who comes down the side, who is there across the top. */
export function table(results) {
  const all = Object.keys(kinds)
  const row = cells => `| ${cells.join(' | ')} |`
  const cell = (here, there) => {
    const found = results.find(r => r.here === here && r.there === there)
    return found ? `${found.path}, ${Math.round(found.took)} ms` : ''
  }
  return [row(['', ...all]), row(['---', ...all.map(() => '---')]), ...all.map(here => row([here, ...all.map(there => cell(here, there))]))].join('\n')
}
