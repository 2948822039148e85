/** What beats are about: a connection and its room. */
export interface Beating {
  /** Milliseconds that a period has at least. */
  least(): number
  /** Sends one. */
  beat(): void
  /** When the peer was heard last; undefined while nobody listens. */
  seenAt(): number | undefined
  /** The peer has missed two periods. */
  silent(): void
}

/** STOMP's heart-beats, those of this side and those of the peer. */
export class Beats {
  readonly #host: Beating
  readonly #timers: ReturnType<typeof setInterval>[] = []

  constructor(host: Beating) {
    this.#host = host
  }

  /** Begins to beat, and to listen for beats, as the peer's header wants it; gives this side's header. */
  begin(wanted: string): string {
    const [, theirs = '0', ours = '0'] = /^(\d{1,9}),(\d{1,9})$/.exec(wanted) ?? []
    const least = this.#host.least()
    const period = (text: string): number => (Number(text) === 0 ? 0 : Math.max(Number(text), least))
    const [receive, send] = [period(theirs), period(ours)]
    if (send > 0) this.#timers.push(setInterval(() => this.#host.beat(), send))
    if (receive > 0) this.#listen(receive)
    return `${send},${receive}`
  }

  #listen(period: number): void {
    // What has signed in counts for the first time.
    let [seen, silent] = [0, 0]
    const look = (): void => {
      const seenAt = this.#host.seenAt()
      silent = seenAt === seen ? silent + 1 : 0
      seen = seenAt ?? seen
      if (silent === 2) this.#host.silent()
    }
    this.#timers.push(setInterval(look, period))
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }
}
