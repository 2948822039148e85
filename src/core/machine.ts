/** Where a client stands. `idle` and `closed` hold no socket and no timer. */
export type State = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'closed'

/** A change of state; `reason` is the error that led to it, where one did. */
export interface StateChange {
  readonly from: State
  readonly to: State
  readonly reason?: Error | undefined
}

export type Trigger = 'dial' | 'ready' | 'lost' | 'cancel' | 'stop'

const TABLE: Record<State, Partial<Record<Trigger, State>>> = {
  idle: { dial: 'connecting', stop: 'closed' },
  connecting: { ready: 'open', cancel: 'idle', stop: 'closed' },
  open: { lost: 'reconnecting', stop: 'closed' },
  reconnecting: { ready: 'open', stop: 'closed' },
  closed: { dial: 'connecting' },
}

export interface Machine {
  readonly state: State
  /** Moves on when the table knows the trigger here; says whether the state changed. */
  move(trigger: Trigger, reason?: Error): boolean
}

export function createMachine(changed: (change: StateChange) => void): Machine {
  let state: State = 'idle'
  return {
    get state() {
      return state
    },
    move(trigger, reason) {
      const from = state
      const to = TABLE[from][trigger]
      if (to === undefined) return false
      state = to
      changed({ from, to, reason })
      return true
    },
  }
}
