// SPDX-License-Identifier: Apache-2.0

/** A flow with everything that it says written down, and its account looked at after each event. */
import assert from 'node:assert/strict';
import type { BytesMissing, BytesMoved, ConnectionClosed, ConnectionOpened } from '../../model/kernel-event.ts';
import {
  DEFAULT_BOUNDS,
  type Exchange,
  type ProtocolDefinition,
  type SeenCredential,
  type TerminalStretch,
} from '../../protocol/decoder.ts';
import { protocols } from '../../protocol/detect.ts';
import { ConnectionFlow, type Direction, type FlowOptions, type FlowSink } from '../connection-flow.ts';
import { throwsAtCreation, throwsAtDetection, unruly } from './unruly-protocol.ts';

export const DIRECTIONS = ['sent', 'received'] as const;

/** What flows said, all of them into one. */
export class Witness implements FlowSink {
  readonly exchanges: Exchange[] = [];
  readonly credentials: SeenCredential[] = [];
  readonly terminals: TerminalStretch[] = [];
  /** Bytes by `direction reason`. */
  readonly lossBytes: Record<string, number> = {};
  readonly troubles: string[] = [];
  readonly lostBytes: Record<Direction, number> = { sent: 0, received: 0 };

  exchange(_flow: ConnectionFlow, exchange: Exchange): void {
    this.exchanges.push(exchange);
  }

  credential(_flow: ConnectionFlow, credential: SeenCredential): void {
    this.credentials.push(credential);
  }

  terminal(_flow: ConnectionFlow, stretch: TerminalStretch): void {
    this.terminals.push(stretch);
  }

  lost(_flow: ConnectionFlow, direction: Direction, reason: string, bytes: number): void {
    assert.ok(bytes > 0, 'a loss of nothing');
    const name = `${direction} ${reason}`;
    this.lossBytes[name] = (this.lossBytes[name] ?? 0) + bytes;
    this.lostBytes[direction] += bytes;
  }

  trouble(_flow: ConnectionFlow, direction: Direction, reason: string, bytes: number): void {
    assert.ok(bytes >= 0, 'trouble with less than nothing');
    this.troubles.push(bytes === 0 ? `${direction} ${reason}` : `${direction} ${reason} ${bytes}`);
  }
}

export const withUnruly = [...protocols, unruly, throwsAtDetection, throwsAtCreation];

export class WatchedFlow {
  readonly flow: ConnectionFlow;
  readonly said = new Witness();

  constructor(
    opened: ConnectionOpened,
    among: readonly ProtocolDefinition[] = withUnruly,
    secretsOf?: FlowOptions['secretsOf'],
    unknownHeadBytes?: number,
  ) {
    const options = { bounds: DEFAULT_BOUNDS, unknownHeadBytes, protocols: among, ...(secretsOf && { secretsOf }) };
    this.flow = new ConnectionFlow(opened, options, this.said);
  }

  arrive(...events: readonly (BytesMoved | BytesMissing | ConnectionClosed)[]): this {
    for (const event of events) {
      if (event.type === 'bytes-moved') this.flow.moved(event);
      else if (event.type === 'bytes-missing') this.flow.missing(event);
      else this.flow.close(event);
      this.check();
    }
    return this;
  }

  check(): void {
    assert.ok(this.flow.heldBytes >= 0);
    for (const direction of DIRECTIONS) {
      const account = this.flow.account(direction);
      const { moved, decoded, notUnderstood, unreadable, cut, lost } = account;
      assert.ok(
        Math.min(...Object.values(account)) >= 0,
        `${direction}: less than nothing: ${JSON.stringify(account)}`,
      );
      assert.equal(
        decoded + notUnderstood + unreadable + cut + lost,
        moved,
        `${direction}: the account does not add up: ${JSON.stringify(account)}`,
      );
      assert.equal(lost, this.said.lostBytes[direction], `${direction}: the account has other losses than were told`);
    }
  }

  /** The account without what is nothing, as text. */
  account(direction: Direction): string {
    const parts = Object.entries(this.flow.account(direction)).filter(([, bytes]) => bytes !== 0);
    return parts.map(([name, bytes]) => `${name} ${bytes}`).join(', ');
  }
}
