// SPDX-License-Identifier: Apache-2.0

/** What is known of the connection besides the command at hand. */

/** Names are kept up to here. */
export const NAME_LENGTH_MAX = 256;

export class Session {
  /** Number of the database; '' when the beginning was not seen. */
  database: string;
  user = '';
  clientName = '';
  /** Pushes are a type of their own. */
  isResp3 = false;
  /** Channels, patterns, and channels of shards that are subscribed to. */
  readonly subscriptions = { channel: 0, pattern: 0, shard: 0 };
  isMonitoring = false;
  isInTransaction = false;
  /** What CLIENT REPLY asked for. `skip-next`: the next command has no reply. */
  replies: 'on' | 'off' | 'skip-next' = 'on';
  /** Commands or replies were lost: who is answered is likely and no more. */
  isUncertain = false;
  /** A command was sent before the reply to the one before. */
  hasPipelined = false;

  constructor(isWhole: boolean) {
    this.database = isWhole ? '0' : '';
    this.isUncertain = !isWhole;
  }

  get isSubscribed(): boolean {
    const { channel, pattern, shard } = this.subscriptions;
    return channel + pattern + shard > 0;
  }

  reset(): void {
    this.database = '0';
    this.user = '';
    this.clientName = '';
    this.isResp3 = false;
    this.isMonitoring = false;
    this.isInTransaction = false;
    this.replies = 'on';
    this.subscriptions.channel = 0;
    this.subscriptions.pattern = 0;
    this.subscriptions.shard = 0;
  }
}

export type SubscriptionKind = keyof Session['subscriptions'];

const CONFIRMATIONS: Readonly<Record<string, { kind: SubscriptionKind; step: 1 | -1 }>> = {
  subscribe: { kind: 'channel', step: 1 },
  unsubscribe: { kind: 'channel', step: -1 },
  psubscribe: { kind: 'pattern', step: 1 },
  punsubscribe: { kind: 'pattern', step: -1 },
  ssubscribe: { kind: 'shard', step: 1 },
  sunsubscribe: { kind: 'shard', step: -1 },
};

/** What the first element of a push says it confirms. */
export function confirmationOf(kind: string): { kind: SubscriptionKind; step: 1 | -1 } | undefined {
  return Object.hasOwn(CONFIRMATIONS, kind) ? CONFIRMATIONS[kind] : undefined;
}

export function isMessage(kind: string): boolean {
  return kind === 'message' || kind === 'pmessage' || kind === 'smessage';
}
