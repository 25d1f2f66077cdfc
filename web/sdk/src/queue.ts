/** First in, first out: to take one costs the same however many wait. */
export class Queue<T> {
  #in: T[] = []
  #out: T[] = [] // the first is the last

  /** The first that waits. */
  get first(): T | undefined {
    if (!this.#out.length) {
      this.#out = this.#in.reverse()
      this.#in = []
    }
    return this.#out.at(-1)
  }

  push(item: T): void {
    this.#in.push(item)
  }

  shift(): T | undefined {
    return this.first === undefined ? undefined : this.#out.pop()
  }

  /** Puts an item in the place of the first that meets the condition, and returns that. */
  replace(item: T, condition: (item: T) => boolean): T | undefined {
    for (const half of [this.#in, this.#out]) {
      const i = half.findIndex(condition)
      if (i >= 0) return half.splice(i, 1, item)[0]
    }
    return undefined
  }

  /** Takes all. */
  clear(): T[] {
    const all = [...this.#out.reverse(), ...this.#in]
    this.#in = []
    this.#out = []
    return all
  }
}
