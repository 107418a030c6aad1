// SPDX-License-Identifier: Apache-2.0

/**
 * A protocol whose bytes say what its decoder does wrong. A connection speaks it when a side begins with `<`, or, joined
 * late, when there is a `<` anywhere.
 *
 *   T throws   G throws at the next gap   E throws at the end   D throws when it is asked what it holds
 *   H hands the connection over to a tunnel behind this byte    X, to a language that nobody has    B, backwards: before
 *      the beginning of the chunk   P hands over when nothing is pushed: at the next gap
 *   K keeps what follows until a `;` and counts it then   M counts ten bytes too many   L counts nothing any more
 *   C counts this byte as cut   ? counts it as not understood   . gives an exchange   anything else is decoded
 */
import type { Decoder, DecoderSink, Exchange, Opening, ProtocolDefinition, Side } from '../../protocol/decoder.ts';

const EMPTY = { bytes: new Uint8Array(0), totalBytes: 0 };

export function exchangeAt(at: number, statement: string, about: Partial<Exchange> = {}): Exchange {
  return {
    operation: 'DO',
    target: '',
    resource: '',
    statement,
    statementShape: '',
    parameters: '',
    request: EMPTY,
    response: EMPTY,
    status: 'ok',
    errorCode: '',
    errorMessage: '',
    requestBytes: 1,
    responseBytes: 0,
    truncated: false,
    attributes: {},
    requestAt: at,
    requestEndAt: at,
    responseAt: at,
    responseEndAt: at,
    ...about,
  };
}

class UnrulyDecoder implements Decoder {
  readonly counts = {
    client: { decoded: 0, notUnderstood: 0, cut: 0 },
    server: { decoded: 0, notUnderstood: 0, cut: 0 },
  };
  readonly #sink: DecoderSink;
  readonly #kept = { client: 0, server: 0 };
  readonly #keeps = { client: false, server: false };
  #isLazy = false;
  #throwsWhenAsked = false;
  #atGap: (() => void) | undefined;
  #throwsAtEnd = false;

  constructor(sink: DecoderSink) {
    this.#sink = sink;
  }

  get heldBytes(): number {
    if (this.#throwsWhenAsked) throw new Error('held');
    return this.#kept.client + this.#kept.server;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    for (let i = 0; i < bytes.length; i++) {
      if (this.#isLazy) return;
      const letter = String.fromCharCode(bytes[i] as number);
      if (this.#keeps[from] && letter !== ';') {
        this.#kept[from]++;
        continue;
      }
      if (this.#obey(from, letter, i, at)) return;
    }
  }

  gap(_from: Side, _missingBytes: number, _at: number): void {
    this.#atGap?.();
  }

  end(from: Side, _at: number): void {
    if (this.#throwsAtEnd) throw new Error('end');
    this.#letGo(from);
  }

  /** Returns true when the rest of the chunk is somebody else's. */
  #obey(from: Side, letter: string, index: number, at: number): boolean {
    const counts = this.counts[from];
    if (letter === 'T') throw new Error('push');
    if (letter === '?') counts.notUnderstood++;
    else if (letter === 'C') counts.cut++;
    else counts.decoded++;
    if (letter === '.') this.#sink.exchange(exchangeAt(at, 'made up'));
    if (letter === 'G') {
      this.#atGap = () => {
        throw new Error('gap');
      };
    }
    if (letter === 'P') this.#atGap = () => this.#sink.handover('tunnel', 7);
    if (letter === 'E') this.#throwsAtEnd = true;
    if (letter === 'D') this.#throwsWhenAsked = true;
    if (letter === 'K') this.#keeps[from] = true;
    if (letter === ';') this.#letGo(from);
    if (letter === 'M') counts.decoded += 10;
    if (letter === 'L') this.#isLazy = true;
    if (letter === 'H') this.#sink.handover('tunnel', index + 1);
    if (letter === 'X') this.#sink.handover('martian', index + 1);
    if (letter === 'B') this.#sink.handover('tunnel', -5);
    return 'HXB'.includes(letter);
  }

  #letGo(from: Side): void {
    this.counts[from].decoded += this.#kept[from];
    this.#kept[from] = 0;
    this.#keeps[from] = false;
  }
}

const MARK = '<'.charCodeAt(0);

export const unruly: ProtocolDefinition = {
  name: 'unruly',
  detect({ client, server, late }: Opening) {
    if (late) return client.includes(MARK) || server.includes(MARK) ? 'yes' : 'not-yet';
    if (client.length === 0 && server.length === 0) return 'not-yet';
    return client[0] === MARK || server[0] === MARK ? 'yes' : 'no';
  },
  create: (_bounds, sink) => new UnrulyDecoder(sink),
};

/** Throws when it is asked whose bytes these are, if they begin with `#`. */
export const throwsAtDetection: ProtocolDefinition = {
  name: 'throws-at-detection',
  detect({ client }) {
    if (client[0] === '#'.charCodeAt(0)) throw new Error('detect');
    return 'no';
  },
  create: () => {
    throw new Error('create');
  },
};

/** Takes what begins with `%`, and cannot be made. */
export const throwsAtCreation: ProtocolDefinition = {
  ...throwsAtDetection,
  name: 'throws-at-creation',
  detect: ({ client }) => (client[0] === '%'.charCodeAt(0) ? 'yes' : 'no'),
};
