import { describe, expect, test } from 'vitest'
import type { Fields, Json } from './compare.ts'
import md5 from './md5.json' with { type: 'json' }
import prism from './prism.json' with { type: 'json' }
import { readSet, runCase } from './run.ts'
import tambur from './tambur.json' with { type: 'json' }
import tmc from './tmc.json' with { type: 'json' }
import webmq from './webmq.json' with { type: 'json' }

const sets = [md5, tmc, prism, tambur, webmq].map(readSet)

for (const set of sets) {
  describe(`the vectors of ${set.provider}`, () => {
    for (const vector of set.cases) {
      test(vector.name, async () => expect(await runCase(set, vector)).toEqual([]))
    }
  })
}

/** The same with one value changed, for every value, or the first and last of a long list. */
function* changes(value: Json): Generator<Json> {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      if (i > 3 && i < value.length - 1) continue
      for (const changed of changes(item)) yield value.with(i, changed)
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      // Free, another way to pass, or asking for less.
      if (/^(java_hashmap_order|also|from)$/.test(key)) continue
      for (const changed of changes(item)) yield { ...value, [key]: changed }
    }
  } else if (typeof value === 'number') yield value + 1
  else if (typeof value === 'boolean') yield !value
  else yield value === null ? 'x' : `${value.slice(0, -1)}${value.endsWith('0') ? 1 : 0}`
}

for (const set of sets) {
  describe(`the judge of ${set.provider}`, () => {
    test('fails every case when any value that it expects is changed', async () => {
      const passed: string[] = []
      for (const vector of set.cases) {
        for (const expected of changes(vector.expected) as Iterable<Fields>) {
          const differences = await runCase(set, { ...vector, expected })
          if (differences.length === 0) passed.push(`${vector.name}: ${JSON.stringify(expected)}`)
        }
      }
      expect(passed).toEqual([])
    })

    test('fails what it does not know', async () => {
      const { input, expected } = set.cases[0]!
      const run = (provider: string, change: Fields, more: Fields = {}) => {
        const vector = { name: '', input: { ...input, ...change }, expected: { ...expected, ...more } }
        return runCase({ provider, cases: [] }, vector)
      }
      expect(await run(set.provider, {})).toEqual([])
      expect(await run('constructor', {})).toEqual(['the provider "constructor" is not supported yet'])
      expect(await run(set.provider, { op: 'toString' })).toHaveLength(1)
      expect(await run(set.provider, {}, { colour: 'red' })).toEqual(['expected: cannot be checked: colour'])
    })
  })
}

test.each([null, [], {}, { provider: 'tmc' }, { cases: [{}] }, { provider: 'tmc', cases: [] }])(
  'a set of vectors is not %j',
  (data) => expect(() => readSet(data)).toThrow(/^n/),
)
