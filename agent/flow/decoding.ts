// SPDX-License-Identifier: Apache-2.0

/**
 * A decoder at work on a connection, and what it was given to work on.
 *
 * A decoder reads bytes that others chose, so a mistake in one is found by whoever looks for it. Whatever it does (throws,
 * counts wrongly, hands over at an odd moment), every byte that it was given is accounted for here, and the connection
 * goes on. What it says is passed on only when it has returned: nothing that the record does is mistaken for a fault of
 * the decoder.
 */
import type {
  Agreement,
  ByteCounts,
  CarriedEvent,
  Decoder,
  DecoderSink,
  Exchange,
  ProtocolDefinition,
  SeenCredential,
  Side,
  TerminalStretch,
} from '../protocol/decoder.ts';

export interface DecodingListener {
  exchange(exchange: Exchange): void;
  credential(credential: SeenCredential): void;
  terminal(stretch: TerminalStretch): void;
  carried(event: CarriedEvent): void;
  trouble(from: Side, reason: string, bytes: number): void;
}

/** What came of giving something to the decoder. */
export type DecodingStep =
  | { readonly kind: 'goes-on' }
  /** The first `consumedBytes` of the chunk were this decoder's; it is done. */
  | ({ readonly kind: 'handover' } & Handover)
  /** It threw; it is done, and nothing of the chunk is left over. */
  | { readonly kind: 'failed' };

interface Handover {
  readonly protocol: string;
  readonly consumedBytes: number;
  readonly agreement?: Agreement | undefined;
}

type Said =
  | { readonly kind: 'exchange'; readonly exchange: Exchange }
  | { readonly kind: 'credential'; readonly credential: SeenCredential }
  | { readonly kind: 'terminal'; readonly stretch: TerminalStretch }
  | { readonly kind: 'carried'; readonly event: CarriedEvent }
  | { readonly kind: 'trouble'; readonly from: Side; readonly reason: string; readonly bytes: number };

const GOES_ON: DecodingStep = { kind: 'goes-on' };
const FAILED: DecodingStep = { kind: 'failed' };
const SIDES = ['client', 'server'] as const;
const NOTHING: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };

export class Decoding {
  readonly protocol: string;
  readonly #listener: DecodingListener;
  readonly #decoder: Decoder | undefined;
  /** Bytes that it was given: what its counts have to add up to. */
  readonly #givenBytes: Record<Side, number> = { client: 0, server: 0 };
  #said: Said[] = [];
  #handover: Handover | undefined;

  /** A decoder that cannot even be made has failed; `create` is of the definition, bounds and opening applied. */
  constructor(
    definition: Pick<ProtocolDefinition, 'name'>,
    create: (sink: DecoderSink) => Decoder,
    listener: DecodingListener,
  ) {
    this.protocol = definition.name;
    this.#listener = listener;
    try {
      this.#decoder = create(this.#sink());
    } catch {
      this.#decoder = undefined;
    }
  }

  get heldBytes(): number {
    try {
      return this.#decoder?.heldBytes ?? 0;
    } catch {
      return 0;
    }
  }

  push(from: Side, bytes: Uint8Array, at: number): DecodingStep {
    this.#givenBytes[from] += bytes.length;
    const step = this.#attempt((decoder) => decoder.push(from, bytes, at), bytes.length);
    if (step.kind === 'handover') this.#givenBytes[from] -= bytes.length - step.consumedBytes;
    return step;
  }

  gap(from: Side, missingBytes: number, at: number): DecodingStep {
    return this.#attempt((decoder) => decoder.gap(from, missingBytes, at), 0);
  }

  /** Both sides are done: what is pending comes out. Returns false when the decoder failed, or counted wrongly. */
  end(at: number): boolean {
    for (const side of SIDES) {
      if (this.#attempt((decoder) => decoder.end(side, at), 0).kind === 'failed') return false;
    }
    return SIDES.every((side) => {
      const { notUnderstood, decoded, cut } = this.#counted(side);
      return decoded + cut + notUnderstood === this.#givenBytes[side];
    });
  }

  /**
   * What became of the bytes of a side. Adds up to what the decoder was given, also while it works and also when its own
   * counts do not: of what it has not claimed nothing is known.
   */
  account(side: Side): ByteCounts {
    const given = this.#givenBytes[side];
    const counted = this.#counted(side);
    const decoded = clamp(counted.decoded, given);
    const cut = clamp(counted.cut, given - decoded);
    return { decoded, cut, notUnderstood: given - decoded - cut };
  }

  #counted(side: Side): ByteCounts {
    try {
      return this.#decoder?.counts[side] ?? NOTHING;
    } catch {
      return NOTHING;
    }
  }

  #attempt(act: (decoder: Decoder) => void, chunkBytes: number): DecodingStep {
    let failed = this.#decoder === undefined;
    try {
      if (this.#decoder !== undefined) act(this.#decoder);
    } catch {
      failed = true;
    }
    this.#passOn();
    const handover = this.#handover;
    this.#handover = undefined;
    if (failed) return FAILED;
    if (handover === undefined) return GOES_ON;
    return { kind: 'handover', ...handover, consumedBytes: clamp(handover.consumedBytes, chunkBytes) };
  }

  #passOn(): void {
    if (this.#said.length === 0) return;
    const said = this.#said;
    this.#said = [];
    for (const one of said) {
      if (one.kind === 'exchange') this.#listener.exchange(one.exchange);
      else if (one.kind === 'credential') this.#listener.credential(one.credential);
      else if (one.kind === 'terminal') this.#listener.terminal(one.stretch);
      else if (one.kind === 'carried') this.#listener.carried(one.event);
      else this.#listener.trouble(one.from, one.reason, one.bytes);
    }
  }

  #sink(): DecoderSink {
    return {
      exchange: (exchange) => this.#said.push({ kind: 'exchange', exchange }),
      credential: (credential) => this.#said.push({ kind: 'credential', credential }),
      terminal: (stretch) => this.#said.push({ kind: 'terminal', stretch }),
      carried: (event) => this.#said.push({ kind: 'carried', event }),
      trouble: (from, reason, bytes) => this.#said.push({ kind: 'trouble', from, reason, bytes }),
      handover: (protocol, consumedBytes, agreement) => {
        this.#handover = { protocol, consumedBytes, agreement };
      },
    };
  }
}

/** `value` between 0 and `max`; a count that is no number counts nothing. */
function clamp(value: number, max: number): number {
  return value > 0 ? Math.min(value, max) : 0;
}
