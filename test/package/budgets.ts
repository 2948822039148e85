import { drivers } from './bundle.ts'

/** The most that a user pays for something: minified and gzipped bytes, third-party code included. */
export interface Budget {
  readonly name: string
  /** What the user writes. */
  readonly code: string
  readonly most?: number
  /** Modules that are only loaded when they are used, and do not count. */
  readonly without?: readonly string[]
  /** What it takes today, where that is more than the budget: it may only become less. */
  readonly today?: number
}

const all = (entry: string): string => `export * from '${entry}'`

export const budgets: readonly Budget[] = [
  {
    name: 'createTmcClient alone',
    code: "export { createTmcClient } from 'isomq/tmc'",
    most: 8000,
    today: 14_900,
  },
  { name: 'createTmcPoller alone', code: "export { createTmcPoller } from 'isomq/tmc'" },
  { name: 'isomq/tmc', code: all('isomq/tmc'), most: 12_000, today: 18_750 },
  { name: 'isomq/prism', code: all('isomq/prism'), most: 12_000, today: 20_750 },
  { name: 'createPrismClient alone', code: "export { createPrismClient } from 'isomq/prism'" },
  {
    name: 'isomq/tamar without drivers',
    code: all('isomq/tamar'),
    most: 5_000,
    today: 8_450,
    without: drivers,
  },
  { name: 'createTamarClient alone', code: "export { createTamarClient } from 'isomq/tamar'" },
  {
    name: 'stompBroker alone',
    code: "export { stompBroker } from 'isomq/tamar/rabbitmq'",
    most: 6_000,
    today: 9_850,
  },
  { name: 'managementBroker alone', code: "export { managementBroker } from 'isomq/tamar/rabbitmq'" },
  { name: 'isomq/tamar/upstash', code: all('isomq/tamar/upstash') },
  { name: 'isomq/tamar/planetscale', code: all('isomq/tamar/planetscale') },
  {
    name: 'createTamburConnection alone',
    code: "export { createTamburConnection } from 'isomq/tambur'",
    most: 10_000,
    today: 12_650,
  },
  {
    name: 'createTamburPublisher alone',
    code: "export { createTamburPublisher } from 'isomq/tambur'",
    most: 7_500,
  },
  { name: 'isomq/tambur', code: all('isomq/tambur'), most: 12_000, today: 16_050 },
  {
    name: 'createWampSession alone',
    code: "export { createWampSession } from 'isomq/webmq'",
    most: 8_500,
    today: 14_200,
  },
  { name: 'createPushClient alone', code: "export { createPushClient } from 'isomq/webmq'", most: 7_500 },
  { name: 'isomq/webmq', code: all('isomq/webmq'), most: 13_000, today: 18_100 },
  { name: 'isomq/errors', code: all('isomq/errors'), most: 500 },
  { name: 'isomq', code: all('isomq') },
]
