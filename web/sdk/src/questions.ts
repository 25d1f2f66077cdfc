import { SnugError } from './errors.ts'

const answerWait = 10_000 // ms

interface Question { pong: number; holds: string; resolve(holds: string): void; reject(error: SnugError): void; timer: ReturnType<typeof setTimeout> }

/**
 * What a connection's hub was asked to do. Answers name no question; but the hub
 * answers in turn, so each question is followed by a ping, and what comes before its pong belongs to it.
 */
export class Questions {
  #open: Question[] = []

  get pending(): boolean {
    return this.#open.length > 0
  }

  /** Waits for the answer to what was said before the ping of this number; resolves with what a kick holds. */
  ask(pong: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#close(question).reject(new SnugError('timeout', 'The hub didn’t answer.')), answerWait)
      const question: Question = { pong, holds: '', resolve, reject, timer }
      this.#open.push(question)
    })
  }

  kicked(holds: string): void {
    const question = this.#open.find(q => q.holds === '')
    if (question) question.holds = holds
  }

  ponged(pong: number): void {
    for (const question of this.#open.filter(q => q.pong <= pong)) this.#close(question).resolve(question.holds)
  }

  /** The hub didn't do the first thing that was asked. */
  refused(error: SnugError): void {
    const question = this.#open[0]
    if (question && (error.code === 'forbidden' || error.code === 'limit')) this.#close(question).reject(error)
  }

  /** The connection has ended. */
  end(error: SnugError): void {
    for (const question of [...this.#open]) this.#close(question).reject(error)
  }

  #close(question: Question): Question {
    clearTimeout(question.timer)
    this.#open.splice(this.#open.indexOf(question), 1)
    return question
  }
}
