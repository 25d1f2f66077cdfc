import type { Carrier } from './carrier.ts'
import { type Path, worse } from './path.ts'

// Browsers tell of no change of the pair of candidates in use. In ms.
const afterOpening = [1_000, 2_000]
const measureEvery = 10_000

/** The two halves of a link's path, each as its side sees it: neither sees whether the other goes over a relay. */
export class Legs {
  #say: (leg: Path) => boolean
  #tell: (path: Path, known: boolean) => void
  #carrier: Carrier | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #ours: Path | '' = '' // not known yet
  #theirs: Path | '' = ''

  /** say tells the other side, if that can be done at once; tell is called with the worse leg when one has changed, and whether both are known. */
  constructor(say: (leg: Path) => boolean, tell: (path: Path, known: boolean) => void) {
    this.#say = say
    this.#tell = tell
  }

  /** Measures now, one and three seconds later, and then again and again while somebody looks. */
  follow(carrier: Carrier, times = 0): void {
    clearTimeout(this.#timer)
    this.#carrier = carrier
    const wait = afterOpening[times]
    if (wait || globalThis.document?.visibilityState !== 'hidden') void this.#measure(carrier)
    this.#timer = setTimeout(() => this.follow(carrier, times + 1), wait ?? measureEvery)
  }

  /** The other side tells its leg. */
  heard(leg: Path): void {
    this.#theirs = leg
    this.#changed()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#carrier = undefined
    this.#ours = this.#theirs = ''
  }

  async #measure(carrier: Carrier): Promise<void> {
    const leg = await carrier.leg().catch(() => undefined)
    if (!leg || leg.path === this.#ours || carrier !== this.#carrier || !this.#say(leg.path)) return
    this.#ours = leg.path
    this.#changed()
  }

  #changed(): void {
    const path = worse(this.#ours, this.#theirs)
    if (path) this.#tell(path, this.#ours !== '' && this.#theirs !== '')
  }
}
