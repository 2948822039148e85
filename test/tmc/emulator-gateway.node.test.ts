import { signTop, type TopSignMethod } from 'isomq/tmc'
import { describe, expect, test } from 'vitest'
import { APP, type Room } from './peer.ts'
import { newRoom } from './rooms.ts'

describe('HTTP gateway', () => {
  const chinaTime = (at = Date.now()) =>
    new Date(at + 28_800_000).toISOString().slice(0, 19).replace('T', ' ')

  async function call(
    room: Room,
    method: string,
    extra: Record<string, string> = {},
    by: TopSignMethod = 'md5',
  ) {
    const params: Record<string, string> = {
      method,
      app_key: APP.appKey,
      timestamp: chinaTime(),
      format: 'json',
      v: '2.0',
      sign_method: by,
      ...extra,
    }
    params.sign ??= await signTop(params, APP.appSecret, by)
    const response = await fetch(`${room.url}/router/rest`, {
      method: 'POST',
      body: new URLSearchParams(params),
    })
    expect(response.status).toBe(200)
    return response.text()
  }

  test.each(['md5', 'hmac', 'hmac-sha256'] as const)('consume and confirm, signed by %s', async (by) => {
    const room = newRoom()
    await room.control('produce', { count: 3, userId: '9007199254740993' })
    const answer = await call(room, 'taobao.tmc.messages.consume', { quantity: '10' }, by)
    const ids = [...answer.matchAll(/"id":(\d{19}),"user_id":9007199254740993,"topic"/g)].map(
      (match) => match[1]!,
    )
    expect(new Set(ids).size).toBe(3)
    expect(Object.keys(JSON.parse(answer).tmc_messages_consume_response)).toEqual(['messages', 'request_id'])
    const confirmed = await call(room, 'taobao.tmc.messages.confirm', { s_message_ids: ids.join(',') }, by)
    expect(JSON.parse(confirmed).tmc_messages_confirm_response).toMatchObject({ is_success: true })
    expect(await room.stats()).toMatchObject({ confirmed: 3, waiting: 0, unconfirmed: 0 })
    const empty = JSON.parse(await call(room, 'taobao.tmc.messages.consume', {}, by))
    expect(empty.tmc_messages_consume_response.messages).toEqual({})
  })

  test('produce one, produce many, groups, permit, cancel', async () => {
    const room = newRoom()
    const one = { topic: 't', content: '{}' }
    expect(await call(room, 'taobao.tmc.message.produce', one)).toContain('"is_success":true')
    const many = await call(room, 'taobao.tmc.messages.produce', {
      messages: JSON.stringify([one, { topic: 't' }]),
    })
    expect(JSON.parse(many).tmc_messages_produce_response).toMatchObject({
      is_all_success: false,
      results: {
        tmc_produce_result: [
          { is_success: true },
          { is_success: false, error_code: 'isv.missing-parameter' },
        ],
      },
    })
    const groups = JSON.parse(await call(room, 'taobao.tmc.groups.get'))
    expect(groups.tmc_groups_get_response).toMatchObject({
      total_results: 1,
      groups: { tmc_group: [{ name: 'default' }] },
    })
    expect(await call(room, 'taobao.tmc.user.permit', { topics: 't', session: 's' })).toContain(
      '"is_success":true',
    )
    expect(await call(room, 'taobao.tmc.user.cancel', { nick: 's' })).toContain('"is_success":true')
    expect(await room.stats()).toMatchObject({ produced: 2, waiting: 2 })
  })

  test.each([
    ['an unknown method', 'taobao.no', {}, 22],
    ['a wrong signature', 'taobao.tmc.groups.get', { sign: 'X' }, 25],
    ['an unknown app', 'taobao.tmc.groups.get', { app_key: '1' }, 29],
    ['an old timestamp', 'taobao.tmc.groups.get', { timestamp: chinaTime(Date.now() - 700_000) }, 31],
    ['a missing argument', 'taobao.tmc.messages.confirm', {}, 40],
    ['a wrong argument', 'taobao.tmc.messages.consume', { quantity: '5' }, 41],
    ['no session', 'taobao.tmc.user.permit', { topics: 't' }, 26],
  ])('%s is an error in HTTP 200', async (_, method, extra, code) => {
    const { error_response: error } = JSON.parse(await call(newRoom(), method, extra))
    expect(error).toMatchObject({ code, msg: expect.any(String), request_id: expect.any(String) })
  })

  test('httpError answers with a status and body of choice', async () => {
    const room = newRoom()
    await room.control('httpError', { status: 503, body: '<html>' })
    const response = await fetch(`${room.url}/router/rest`, { method: 'POST' })
    expect([response.status, await response.text()]).toEqual([503, '<html>'])
  })
})
