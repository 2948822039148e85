/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Refusal {
  readonly code: number
  readonly phrase: string
}

export interface HttpFault {
  readonly status: number
  readonly body: string
  readonly contentType: string
}

/** How a connection ends: with a close code, or without a close frame. */
export type Ending = number | 'abrupt'

interface Killer {
  readonly on: string
  readonly every: number
  readonly random: () => number
  left: number
  kills: number
}

/** What shall go wrong in a room; each fault with a count wears off. */
export class Faults {
  random: () => number = Math.random
  muted = false
  noAck = false
  delayMs = 0
  duplicates = 0
  truncations = 0
  corruptions = 0
  /** Frames that still go out before the connection that sends the last of them is dropped. */
  dropAfter = 0
  /** How connections die that are killed. */
  ending: Ending = 'abrupt'
  #refusals: Refusal[] = []
  #httpFaults: HttpFault[] = []
  #killer: Killer | undefined

  refuse(count: number, refusal: Refusal): void {
    for (let i = 0; i < count; i++) this.#refusals.push(refusal)
  }

  nextRefusal(): Refusal | undefined {
    return this.#refusals.shift()
  }

  failHttp(count: number, fault: HttpFault): void {
    for (let i = 0; i < count; i++) this.#httpFaults.push(fault)
  }

  nextHttpFault(): HttpFault | undefined {
    return this.#httpFaults.shift()
  }

  /**
   * Kills a connection about every so many deliveries, or requests of the kind that `on` names, `kills` times at
   * most; 0 ends it.
   */
  killEvery(every: number, on: string, seed: number, kills: number, ending: Ending): void {
    this.ending = ending
    const random = seededRandom(seed)
    this.#killer = every > 0 ? { on, every, random, left: gap(every, random), kills } : undefined
  }

  get killsLeft(): number {
    return this.#killer?.kills ?? 0
  }

  /** The frames that go out in place of this one. */
  shape(frame: Uint8Array): Uint8Array[] {
    let shaped = frame
    if (this.truncations > 0) {
      this.truncations--
      shaped = frame.slice(0, 1 + Math.floor(this.random() * (frame.length - 1)))
    } else if (this.corruptions > 0) {
      this.corruptions--
      shaped = frame.slice()
      const at = Math.floor(this.random() * frame.length)
      shaped[at] = shaped[at]! ^ (1 + Math.floor(this.random() * 255))
    }
    if (this.duplicates === 0) return [shaped]
    this.duplicates--
    return [shaped, shaped]
  }

  /** The same for a text frame; what is no longer UTF-8 becomes replacement characters. */
  shapeText(frame: string): string[] {
    if (this.truncations + this.corruptions + this.duplicates === 0) return [frame]
    const decoder = new TextDecoder()
    return this.shape(new TextEncoder().encode(frame)).map((bytes) => decoder.decode(bytes))
  }

  /** Whether the connection dies of the frame that it has just sent. */
  fatal(delivery: boolean): boolean {
    if (this.dropAfter > 0 && --this.dropAfter === 0) return true
    return delivery && this.#kills('delivery')
  }

  /** Whether the connection dies of a request that came in, and if so, whether that is still carried out. */
  fatalRequest(kind: string): 'before' | 'after' | undefined {
    const random = this.#killer?.random
    if (random === undefined || !this.#kills(kind)) return undefined
    return random() < 0.5 ? 'before' : 'after'
  }

  #kills(point: string): boolean {
    const killer = this.#killer
    if (killer === undefined || killer.on !== point || --killer.left > 0) return false
    killer.left = gap(killer.every, killer.random)
    if (--killer.kills === 0) this.#killer = undefined
    return true
  }
}

const gap = (mean: number, random: () => number): number => 1 + Math.floor(random() * (2 * mean - 1))
