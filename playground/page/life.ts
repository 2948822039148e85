/** Whose client: the one of this page, the one of the Worker, or somebody else's in the same room. */
export type Who = 'page' | 'worker' | 'other'

export type StepType = 'produced' | 'delivered' | 'handled' | 'failed' | 'lost' | 'confirmed'

export interface Step {
  readonly type: StepType
  readonly at: number
  readonly who?: Who | undefined
  /** Delivered before. */
  readonly again?: boolean | undefined
}

/** What can follow at the same millisecond: several sockets tell of one message, in any order. */
const RANK: Record<StepType, number> = {
  produced: 0,
  delivered: 1,
  handled: 2,
  failed: 3,
  lost: 3,
  confirmed: 4,
}

export type Standing = 'waiting' | 'working' | 'confirmed'

/** What has happened to one message so far. */
export class Life {
  readonly id: string
  topic: string
  readonly steps: Step[] = []
  /** The connection that has it now. */
  holder: number | undefined

  constructor(id: string, topic: string) {
    this.id = id
    this.topic = topic
  }

  add(step: Step): void {
    let at = this.steps.length
    while (at > 0 && isBefore(step, this.steps[at - 1]!)) at--
    this.steps.splice(at, 0, step)
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
    return this.holder === undefined ? 'waiting' : 'working'
  }
}

const isBefore = (a: Step, b: Step): boolean => a.at < b.at || (a.at === b.at && RANK[a.type] < RANK[b.type])
