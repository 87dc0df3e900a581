/**
 * Answers only the newest question: while one is being answered, later ones become one more, asked right after.
 * A pointer may thus move faster than its pictures can follow.
 */
export class Latest {
  private asked = false
  private answering: Promise<void> | undefined

  /** `answer` reads what is wanted when it begins. */
  constructor(private readonly answer: () => Promise<void>) {}

  /** Resolves once nothing is left to answer. */
  ask(): Promise<void> {
    this.asked = true
    this.answering ??= this.work()
    return this.answering
  }

  /** Resolves when the answer under way, if any, is given or has failed. */
  async idle(): Promise<void> {
    await this.answering?.catch(() => undefined)
  }

  private async work(): Promise<void> {
    try {
      while (this.asked) {
        this.asked = false
        await this.answer()
      }
    } finally {
      this.answering = undefined
    }
  }
}
