// SPDX-License-Identifier: Apache-2.0

/**
 * What a target asks the server of the tests to answer. Everything stands in the query, so that any client can ask for
 * anything: `/any/path?status=404&bytes=1000&coding=gzip&framing=chunked`.
 */

export interface ReplyPlan {
  readonly status: number;
  readonly bytes: number;
  readonly kind: 'text' | 'binary' | 'echo';
  /** Content coding; '' for none. */
  readonly coding: string;
  readonly framing: 'length' | 'chunked' | 'until-close';
  /** So many writes. */
  readonly parts: number;
  /** Status codes of interim replies before it. */
  readonly interim: readonly number[];
  readonly hasTrailers: boolean;
  /** Server-sent events, so many. */
  readonly events: number;
  /** The reply does not wait for the body of the request. */
  readonly isEarly: boolean;
  /** Its end waits until the server is told to let go. */
  readonly isHeld: boolean;
  /** What comes at all: a reply, nothing before the client goes away, or the end of the connection. */
  readonly answer: 'reply' | 'silence' | 'end';
  /** After so many bytes of the body the server ends the connection; -1 when it does not. */
  readonly breakAfterBytes: number;
  /** How: by FIN or by RST. */
  readonly breakBy: 'close' | 'reset';
}

/** Errors: an Error for a target that asks for something that does not exist: a mistake of a test. */
export function replyPlan(target: string): ReplyPlan {
  const { searchParams: asked } = new URL(target, 'http://any');
  const number = (name: string, otherwise: number): number => Number(asked.get(name) ?? otherwise);
  const word = <W extends string>(name: string, words: readonly W[]): W => {
    const value = (asked.get(name) ?? words[0]) as W;
    if (!words.includes(value)) throw new Error(`${target}: no ${name} is called ${value}`);
    return value;
  };
  return {
    status: number('status', 200),
    bytes: number('bytes', 0),
    kind: word('kind', ['text', 'binary', 'echo']),
    coding: word('coding', ['', 'gzip', 'deflate', 'br', 'zstd']),
    framing: word('framing', ['length', 'chunked', 'until-close']),
    parts: number('parts', 1),
    interim: (asked.get('interim') ?? '').split(',').filter(Boolean).map(Number),
    hasTrailers: asked.has('trailers'),
    events: number('events', 0),
    isEarly: asked.has('early'),
    isHeld: asked.has('hold'),
    answer: word('answer', ['reply', 'silence', 'end']),
    breakAfterBytes: number('break', -1),
    breakBy: word('by', ['close', 'reset']),
  };
}
