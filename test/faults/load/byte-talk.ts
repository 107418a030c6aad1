// SPDX-License-Identifier: Apache-2.0

/**
 * The server of a language that no decoder knows:
 *
 *   request   payload length u32, at least 1 · reply length u32 · payload
 *   reply     as many bytes as were asked for
 */
import { randomFillSync } from 'node:crypto';
import type { Socket } from 'node:net';

export const HEADER_BYTES = 8;
const noise = randomFillSync(Buffer.alloc(1 << 20));

export function talk(socket: Socket): void {
  let header = Buffer.alloc(0);
  let payloadLeft = 0;
  let replyBytes = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (part: Buffer) => {
    for (let rest = part; rest.length > 0; ) {
      if (header.length < HEADER_BYTES) {
        const wanted = HEADER_BYTES - header.length;
        header = Buffer.concat([header, rest.subarray(0, wanted)]);
        rest = rest.subarray(wanted);
        if (header.length < HEADER_BYTES) return;
        payloadLeft = header.readUInt32BE(0);
        replyBytes = header.readUInt32BE(4);
      }
      const taken = Math.min(payloadLeft, rest.length);
      payloadLeft -= taken;
      rest = rest.subarray(taken);
      if (payloadLeft > 0) return;
      header = Buffer.alloc(0);
      for (let left = replyBytes; left > 0; left -= noise.length) socket.write(noise.subarray(0, left));
    }
  });
}
