import { LitElement } from 'lit'

/** An element in the page's own tree, so that one style sheet serves all and the policy needs no exception. */
export abstract class Element extends LitElement {
  protected override createRenderRoot(): this {
    return this
  }
}

const keptName = 'snug-name'
const keptLanguage = 'snug-language'

/** What this browser remembers. Storage may be switched off. */
export const kept = {
  get name(): string | null { return read(keptName) },
  set name(value: string) { write(keptName, value) },
  get language(): string | null { return read(keptLanguage) },
  set language(value: string) { write(keptLanguage, value) },
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // It is forgotten with the page, then.
  }
}
