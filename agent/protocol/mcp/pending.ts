// SPDX-License-Identifier: Apache-2.0

/** Requests of one side that wait for their replies, by id. Bounded in number and in bytes: the oldest goes first. */
import type { Id, RpcRequest } from './json-rpc.ts';
import type { Line } from './line-stream.ts';

export interface Asked {
  readonly request: RpcRequest;
  readonly line: Line;
  /** Of a batch, the first has the bytes of the line. */
  readonly wireBytes: number;
}

/** An entry's worth of memory besides its payload. */
const ENTRY_BYTES = 512;

export class Pending {
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #giveUp: (asked: Asked, why: string) => void;
  readonly #byId = new Map<Id, Asked>();
  #bytes = 0;

  constructor(countMax: number, bytesMax: number, giveUp: (asked: Asked, why: string) => void) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
    this.#giveUp = giveUp;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  add(asked: Asked): void {
    const before = this.take(asked.request.id);
    if (before !== undefined) this.#giveUp(before, 'id-used-again');
    this.#byId.set(asked.request.id, asked);
    this.#bytes += costOf(asked);
    while (this.#byId.size > this.#countMax || (this.#bytes > this.#bytesMax && this.#byId.size > 1)) {
      this.#giveUpFirst('not-awaited');
    }
  }

  take(id: Id): Asked | undefined {
    const asked = this.#byId.get(id);
    if (asked === undefined) return undefined;
    this.#byId.delete(id);
    this.#bytes -= costOf(asked);
    return asked;
  }

  giveUpAll(): void {
    while (this.#byId.size > 0) this.#giveUpFirst('connection-ended');
  }

  #giveUpFirst(why: string): void {
    const [first] = this.#byId.keys();
    const asked = first === undefined ? undefined : this.take(first);
    if (asked !== undefined) this.#giveUp(asked, why);
  }
}

function costOf({ line, request }: Asked): number {
  return ENTRY_BYTES + line.payload.bytes.length + request.method.length;
}
