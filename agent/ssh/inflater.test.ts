// SPDX-License-Identifier: Apache-2.0

/** Compressed packets, against the runtime's own compression, with each way to flush that SSH's programs have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createDeflate, type ZlibOptions } from 'node:zlib';
import fc from 'fast-check';
import { newInflater } from './inflater.ts';

const { Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FIXED, Z_HUFFMAN_ONLY } = constants;
const FLUSHES = { partial: Z_PARTIAL_FLUSH, sync: Z_SYNC_FLUSH, full: Z_FULL_FLUSH };

/** One stream; a packet for each message. */
async function packetsOf(messages: readonly Uint8Array[], flush: number, options: ZlibOptions = {}): Promise<Buffer[]> {
  const deflate = createDeflate({ ...options, flush: constants.Z_NO_FLUSH });
  const packets: Buffer[] = [];
  for (const message of messages) {
    const parts: Buffer[] = [];
    const take = (part: Buffer) => parts.push(part);
    deflate.on('data', take);
    await new Promise<void>((resolve) => deflate.write(message, () => deflate.flush(flush, resolve)));
    deflate.off('data', take);
    packets.push(Buffer.concat(parts));
  }
  deflate.destroy();
  return packets;
}

function inflated(packets: readonly Buffer[]): (Buffer | undefined)[] {
  const inflater = newInflater();
  return packets.map((packet) => inflater.inflate(packet));
}

const text = Buffer.from('drwxr-xr-x 2 root root 4096 Nov 23 23:11 .\n'.repeat(1500));
const noise = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff));
const skewed = Buffer.from(Array.from({ length: 60_000 }, (_, i) => Math.clz32(Math.imul(i + 1, 2654435761)) * 5));
const MESSAGES = [
  Buffer.from('\x05hello'),
  text,
  noise,
  Buffer.from('x'),
  text.subarray(7),
  skewed,
  Buffer.alloc(70_000),
];

for (const [name, flush] of Object.entries(FLUSHES)) {
  for (const options of [{}, { level: 1 }, { strategy: Z_FIXED }, { strategy: Z_HUFFMAN_ONLY }, { level: 0 }]) {
    test(`messages come out as they went in: ${name} flush, ${JSON.stringify(options)}`, async () => {
      const packets = await packetsOf(MESSAGES, flush, options);
      for (const [i, message] of inflated(packets).entries()) {
        assert.ok(message?.equals(MESSAGES[i] as Buffer), `message ${i}`);
      }
    });
  }
}

test('any messages, of any sizes', async () => {
  const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(messages, fc.constantFrom(...Object.values(FLUSHES)), async (said, flush) => {
      const packets = await packetsOf(said, flush);
      assert.deepEqual(
        inflated(packets).map((message) => message?.toString('hex')),
        said.map((message) => Buffer.from(message).toString('hex')),
      );
    }),
    { numRuns: 100 },
  );
});

test('a message above the bound, and what is no compressed data, is none, and nothing after it is', async () => {
  const [bomb, after] = await packetsOf([Buffer.alloc(256 * 1024 + 1), Buffer.from('after')], Z_PARTIAL_FLUSH);
  assert.deepEqual(inflated([bomb as Buffer, after as Buffer]), [undefined, undefined]);
  const [whole] = await packetsOf([Buffer.alloc(256 * 1024)], Z_PARTIAL_FLUSH);
  assert.equal(inflated([whole as Buffer])[0]?.length, 256 * 1024);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (parts) => {
      for (const head of [Buffer.alloc(0), Buffer.of(0x78, 0x9c)]) {
        const inflater = newInflater();
        for (const part of [head, ...parts]) inflater.inflate(Buffer.from(part));
      }
    }),
    { numRuns: 500 },
  );
});

test('a damaged stream throws nothing and gives no more than its bound', async () => {
  const packets = await packetsOf(MESSAGES, Z_PARTIAL_FLUSH);
  fc.assert(
    fc.property(fc.nat(packets.length - 1), fc.nat(), fc.nat(255), (which, where, value) => {
      const damaged = packets.map((packet) => Buffer.from(packet));
      const packet = damaged[which] as Buffer;
      packet[where % packet.length] = value;
      for (const message of inflated(damaged)) assert.ok((message?.length ?? 0) <= 256 * 1024);
    }),
    { numRuns: 100 },
  );
});
