// Draws the README's picture from the real thing: a conversation of a Chromium, a Firefox
// and a terminal. `node docs/picture.js` needs tmux besides what the tests need.
import { execFileSync } from 'node:child_process'
import { browser, binary, closeAll, Person, startHub, until } from '../test/browser/lab.js'

const columns = 118
const rows = 11

const texts = {
  en: {
    path: '', names: ['Ann', 'Ben', 'Mia'], windows: ['Chromium', 'Firefox', 'Terminal'],
    talk: ['Hi! Does the new build start for you?', 'It does. And nobody installed anything :-)', 'Same from a terminal, over ssh.'],
  },
  zh: {
    path: '?lang=zh', names: ['小安', '小本', '小米'], windows: ['Chromium', 'Firefox', '终端'],
    talk: ['大家好！新版本能启动吗？', '能，而且什么都不用装 :-)', '我在终端里，通过 ssh 也一样。'],
  },
}

const tmux = (...args) => execFileSync('tmux', ['-L', 'snug-picture', '-u', ...args], { encoding: 'utf8', env: { ...process.env, LANG: 'C.UTF-8' } })

async function conversation(language) {
  const { path, names, talk } = texts[language]
  const hub = await startHub(8080)
  const people = []
  for (const [i, kind] of ['chrome', 'firefox'].entries()) {
    const person = await Person.open(kind, hub.invite, names[i], { path })
    await person.page.setViewport({ width: 620, height: 560 })
    people.push(person)
  }
  const [ann, ben] = people
  tmux('new-session', '-d', '-s', language, '-x', String(columns), '-y', String(rows), `${binary()} chat --name ${names[2]} ${hub.invite}`)
  const terminal = () => tmux('capture-pane', '-p', '-e', '-t', language)
  await until(() => terminal().includes(`${names[0]}, ${names[1]}`) || terminal().includes(`${names[1]}, ${names[0]}`), 'the terminal to see both')
  const say = async (person, text) => {
    await person.page.type('textarea', text)
    await person.page.keyboard.press('Enter')
  }
  await say(ann, talk[0])
  await ben.hears(talk[0])
  await say(ben, talk[1])
  await until(() => terminal().includes(talk[1]), 'the terminal to hear')
  tmux('send-keys', '-t', language, talk[2], 'Enter')
  await ann.hears(talk[2])
  await ben.hears(talk[2])
  const shots = []
  for (const person of people) {
    await person.page.evaluate(async () => {
      document.activeElement.blur()
      await Promise.all(document.getAnimations().map(animation => animation.finished))
    })
    shots.push(await person.page.screenshot({ encoding: 'base64' }))
  }
  const screen = terminal()
  tmux('kill-server')
  await Promise.all(people.map(p => p.close()))
  await hub.kill()
  return { shots, screen, address: hub.invite }
}

const escapes = { '&': '&amp;', '<': '&lt;' }
const colours = { 1: '#ff7b72', 2: '#7ee787', 3: '#e3b341', 4: '#79c0ff', 5: '#d2a8ff', 6: '#56d4dd', 9: '#ffa198', 12: '#a5d6ff' }

/** SGR sequences (ECMA-48 §8.3.117) as spans: bold, faint, reverse, and the colours that the screen uses. */
function html(screen) {
  let style = {}
  return screen.trimEnd().split(/\x1b\[([\d;]*)m/).map((part, i) => {
    if (i % 2 === 0) {
      const css = `${style.bold ? 'font-weight:700;' : ''}${style.faint ? 'opacity:.6;' : ''}${style.colour ? `color:${style.colour};` : ''}`
      return `<span style="${css}">${part.replace(/[&<]/g, c => escapes[c])}</span>`
    }
    if (part.startsWith('38;') || part.startsWith('48;')) return ''
    for (const code of part.split(';').map(Number)) {
      if (code === 0) style = {}
      else if (code === 1) style.bold = true
      else if (code === 2) style.faint = true
      else if (code === 22) style.bold = style.faint = false
      else if (code === 39) style.colour = undefined
      else if (code >= 30 && code < 38) style.colour = colours[code - 30]
      else if (code >= 90 && code < 98) style.colour = colours[code - 82]
    }
    return ''
  }).join('')
}

async function draw(language) {
  const { shots, screen, address } = await conversation(language)
  const { windows } = texts[language]
  const page = await (await browser('chrome')).newPage()
  await page.setViewport({ width: 1320, height: 400, deviceScaleFactor: 1.5 })
  const frame = (title, bar, body, dark) => `<section class="${dark ? 'dark' : ''}"><header><i></i><i></i><i></i><b>${title}</b><span>${bar}</span></header>${body}</section>`
  await page.setContent(`<!doctype html><meta charset="utf-8"><style>
    body { margin: 0; padding: 24px; display: grid; grid-template-columns: 1fr 1fr; gap: 20px; font: 13px system-ui, sans-serif; background: linear-gradient(135deg, #dfe9f3, #c9d6e8); width: 1272px }
    section { border-radius: 10px; overflow: hidden; background: #fff; box-shadow: 0 6px 24px #1b2a4040 }
    header { display: flex; align-items: center; gap: 7px; padding: 9px 12px; background: #e9edf2; color: #46505c }
    i { width: 11px; height: 11px; border-radius: 50%; background: #c3cad3 }
    header b { margin: 0 6px }
    header span { flex: 1; background: #fff; border-radius: 6px; padding: 3px 10px; font-size: 12px }
    img { display: block; width: 100% }
    .dark { grid-column: 1 / 3; background: #0d1117; color: #e6edf3 }
    .dark header { background: #21262d; color: #adbac7 }
    .dark header span { background: none }
    pre { margin: 0; padding: 14px 18px; font: 14.5px/1.5 "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace }
  </style>
  ${frame(windows[0], address, `<img src="data:image/png;base64,${shots[0]}">`)}
  ${frame(windows[1], address, `<img src="data:image/png;base64,${shots[1]}">`)}
  ${frame(windows[2], `snug chat ${address}`, `<pre>${html(screen)}</pre>`, true)}`)
  await page.screenshot({ path: `docs/conversation.${language}.png`, fullPage: true })
  await page.close()
}

try {
  for (const language of Object.keys(texts)) await draw(language)
} finally {
  await closeAll()
}
