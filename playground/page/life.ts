/** Whose client: the first or second one of this page, the one of the Worker, or somebody else's in the room. */
export type Who = 'page' | 'second' | 'worker' | 'other'

export type StepType = 'produced' | 'delivered' | 'handled' | 'failed' | 'lost' | 'confirmed'

export interface Step {
  readonly type: StepType
  readonly at: number
  readonly who?: Who | undefined
  /** Says what happened in other words than its type has. */
  readonly label?: string | undefined
  /** Delivered before. */
  readonly again?: boolean | undefined
}

export type Standing = 'waiting' | 'working' | 'held' | 'confirmed'

/** What has happened to one message so far. */
export class Life {
  readonly id: string
  topic: string
  readonly steps: Step[] = []
  /** The connection that has it now. */
  holder: number | undefined
  /** Handlers that ended, well or not, before the news of their delivery came in. */
  #early: Step[] = []

  constructor(id: string, topic: string) {
    this.id = id
    this.topic = topic
  }

  /** The server tells its steps in their order. */
  add(step: Step): void {
    this.steps.push(step)
    const handled = step.type === 'delivered' ? this.#early.shift() : undefined
    if (handled !== undefined) this.handled(handled)
  }

  /**
   * A handler's end is told by another socket and another clock, hence before or after the server's own steps:
   * its place follows from those.
   */
  handled(step: Step): void {
    const last = this.steps.at(-1)
    if (last?.type === 'delivered') {
      this.steps.push({ ...step, at: Math.max(step.at, last.at) })
    } else if (last?.type === 'confirmed' || (last && isEnd(last) && step.at <= last.at)) {
      this.steps.splice(-1, 0, { ...step, at: Math.min(step.at, last.at) })
    } else {
      this.#early.push(step)
    }
  }

  /** When it was produced, or first seen. */
  get bornAt(): number {
    return this.steps[0]?.at ?? 0
  }

  get cameAgain(): boolean {
    return this.steps.some(({ again }) => again)
  }

  get standing(): Standing {
    if (this.steps.some(({ type }) => type === 'confirmed')) return 'confirmed'
    if (this.holder === undefined) return 'waiting'
    return this.steps.at(-1)?.type === 'failed' ? 'held' : 'working'
  }
}

const isEnd = ({ type }: Step): boolean => type === 'failed' || type === 'lost'
