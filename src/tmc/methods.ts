import type { WaitOptions } from '../core/wait.ts'
import { readProduce, wrong } from './arguments.ts'
import { callTop, listOf, type TopAnswer, type TopParams, type TopSetup } from './top.ts'
import type { TmcProduceInput } from './types.ts'

/** A message for the gateway's produce methods. */
export interface TmcGatewayProduceInput extends TmcProduceInput {
  /** The group to send to; default: all groups that are subscribed to the topic. */
  readonly targetGroup?: string | undefined
}

/** What became of one message of `produceMany`. */
export interface TmcProduceResult {
  readonly ok: boolean
  readonly code?: string | undefined
  readonly text?: string | undefined
}

export interface TmcGroup {
  readonly name: string
  readonly topics: readonly string[]
  /** All that the gateway says of it. */
  readonly answer: TopAnswer
}

/** TMC's methods of the TOP gateway as calls. Each throws what `callTop` throws. */
export interface TmcMethods {
  /** Any method of the gateway; the answer is what stands under its `…_response` key. */
  call(method: string, params?: TopParams, options?: WaitOptions): Promise<TopAnswer>
  /** Publishes a message. */
  produce(message: TmcGatewayProduceInput, options?: WaitOptions): Promise<void>
  /** Publishes up to 50 messages and says of each what became of it, in order. */
  produceMany(messages: readonly TmcGatewayProduceInput[], options?: WaitOptions): Promise<TmcProduceResult[]>
  /** Opens messages of a user, whose authorization `session` is; the topics **replace** those of before. */
  permit(user: { session: string; topics?: readonly string[] }, options?: WaitOptions): Promise<void>
  /** Ends the messages of a user. */
  cancel(user: { nick: string; platform?: string }, options?: WaitOptions): Promise<void>
  /** The groups of the app. */
  groups(
    page?: { names?: readonly string[]; page?: number; size?: number },
    options?: WaitOptions,
  ): Promise<TmcGroup[]>
  /** Confirms messages by id, 200 to a call. */
  confirm(ids: readonly string[], options?: WaitOptions): Promise<void>
}

const MOST = 200

export function createMethods(
  setup: TopSetup & { readonly groupName: string },
  check: () => void,
): TmcMethods {
  const call: TmcMethods['call'] = async (method, params = {}, limits) => {
    check()
    return callTop(setup, method, params, limits)
  }
  return {
    call,
    async produce(message, limits) {
      await call(
        'taobao.tmc.message.produce',
        { ...produceParams(message), session: message.session },
        limits,
      )
    },
    async produceMany(messages, limits) {
      const answer = await call(
        'taobao.tmc.messages.produce',
        { messages: JSON.stringify(messages.map(produceParams)), session: messages[0]?.session },
        limits,
      )
      return listOf(answer, 'results', 'tmc_produce_result').map(
        ({ is_success, error_code, error_message }) => ({
          ok: is_success === true,
          code: error_code as string | undefined,
          text: error_message as string | undefined,
        }),
      )
    },
    async permit({ session, topics }, limits) {
      // The gateway takes an empty list for none given, which means all.
      if (topics?.length === 0) throw wrong('"topics" must not be empty; leave it out for all of them')
      await call('taobao.tmc.user.permit', { session, topics: topics?.join(',') }, limits)
    },
    async cancel({ nick, platform }, limits) {
      await call('taobao.tmc.user.cancel', { nick, user_platform: platform }, limits)
    },
    async groups({ names, page, size } = {}, limits) {
      if (names?.length === 0) throw wrong('"names" must not be empty; leave it out for all of them')
      const params = { group_names: names?.join(','), page_no: page, page_size: size }
      const answer = await call('taobao.tmc.groups.get', params, limits)
      return listOf(answer, 'groups', 'tmc_group').map((group) => ({
        name: String(group.name),
        topics: listOf(group, 'topics', 'string').map(String),
        answer: group,
      }))
    },
    async confirm(ids, limits) {
      for (let at = 0; at < ids.length; at += MOST) {
        const s_message_ids = ids.slice(at, at + MOST).join(',')
        const params = { s_message_ids, group_name: setup.groupName }
        // Not `call`: what is done is confirmed while the client closes, too.
        await callTop(setup, 'taobao.tmc.messages.confirm', params, limits)
      }
    },
  }
}

function produceParams(message: TmcGatewayProduceInput): {
  topic: string
  content: string
  target_group?: string
} {
  const { topic, content } = readProduce(message)
  return message.targetGroup === undefined
    ? { topic, content }
    : { topic, content, target_group: message.targetGroup }
}
