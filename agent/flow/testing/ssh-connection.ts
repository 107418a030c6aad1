// SPDX-License-Identifier: Apache-2.0

import { DEFAULT_BOUNDS } from '../../protocol/decoder.ts';
import type { SshKeyPool } from '../../ssh/key-pool.ts';
import type { Talk } from '../../ssh/testing/talk.ts';
import { ConnectionFlow } from '../connection-flow.ts';
import { closed, moved, opened } from './arrivals.ts';
import { Witness } from './watched-flow.ts';

/** Plays the connection; the workload is its `role`. Keys come behind packet `late`. */
export function play(talk: Pick<Talk, 'said' | 'keys'>, role: 'client' | 'server', pool: SshKeyPool, late = 0) {
  const said = new Witness();
  const sshKeysOf = () => pool.storeFor(() => [100]);
  const flow = new ConnectionFlow(opened({ role, remotePort: 22 }), { bounds: DEFAULT_BOUNDS, sshKeysOf }, said);
  const ends = { sent: 0, received: 0 };
  for (const [index, { from, wire }] of talk.said.entries()) {
    const direction = from === role ? 'sent' : 'received';
    flow.moved(moved(direction, ends[direction], wire));
    ends[direction] += wire.length;
    if (index === late) for (const key of talk.keys) pool.add(key, 100, 1);
    if (index === late) flow.secretsChanged(1);
  }
  flow.close(closed(ends.sent, ends.received));
  return { flow, said, ends };
}
