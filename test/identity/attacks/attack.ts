// SPDX-License-Identifier: Apache-2.0

/** An attack on the broker: what is tried, and what must come of it. */
import { createHash } from 'node:crypto';
import type { RefusalReason } from '../../../agent/broker/refusal.ts';
import type { Scene } from './scene.ts';
import type { IdentityName } from './stage.ts';

export interface Attack {
  readonly name: string;
  /** For people: what is tried. */
  readonly about: string;
  /**
   * nothing    nobody gets a token, and the record says why, with one of `reasons`
   * own        who sends gets the token of its own identity, and no other: the control of the refusals beside it
   * alert      the token gets out, which the broker does not prevent; its use is in an alert
   * unseen     the token gets out, and its use by that one is not seen: a limit, told in `limit`
   */
  readonly expect: 'nothing' | 'own' | 'alert' | 'unseen';
  readonly reasons: readonly RefusalReason[];
  /** The record cannot name who it was, or it is not one process. */
  readonly isUnnamed?: boolean;
  /** Whose token `own` is; the victim's when left out. */
  readonly own?: IdentityName;
  /** Entra may have been asked: who asked was refused afterwards. */
  readonly mayFetch?: boolean;
  /** The connection does not come to be at all, so that the record has no refusal of it. */
  readonly isUnreachable?: boolean;
  /** What does not hold; for the document. */
  readonly limit?: string;
  readonly play: (scene: Scene) => Promise<void>;
  /** What the row wants besides; an Error when it is not so. */
  readonly also?: (scene: Scene) => void | Promise<void>;
}

/** Of the row, as it stands in the name of its resource: that of no other row, however they are spelled. */
export function slugOf(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${digest}`;
}

export const resourceOf = (name: string): string => `https://${slugOf(name)}.example`;
