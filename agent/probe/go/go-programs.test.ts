// SPDX-License-Identifier: Apache-2.0

/** Go programs of several versions and ways of linking; where the function is, Go's own `nm` says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { fileOffsetOf } from '../../../native/test/key-log.ts';
import { BytesReader } from '../file-reader.ts';
import { inspectImage } from '../inspect-image.ts';
import { scratch } from '../testing/real-files.ts';

const SOURCE = `package main

import (
	"crypto/tls"
	"fmt"
)

func main() {
	_, err := tls.Dial("tcp", "127.0.0.1:1", nil)
	fmt.Println(err)
}
`;
const PLAIN = `package main

func main() { println("no TLS") }
`;

const go = ['/usr/local/go/bin/go', '/usr/bin/go', '/usr/lib/go/bin/go'].find((path) => existsSync(path));
const folder = join(scratch(), 'go');

/** Errors: what the build says, for example that this toolchain cannot be had here. */
function build(name: string, toolchain: string, cgo: boolean, ...flags: string[]): string {
  const program = join(folder, name);
  const env = { ...process.env, GOTOOLCHAIN: toolchain, GOFLAGS: '', CGO_ENABLED: cgo ? '1' : '0', GOWORK: 'off' };
  execFileSync(go!, ['build', '-o', program, ...flags, '.'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  return program;
}

function look(path: string) {
  return inspectImage(new BytesReader(readFileSync(path)), path);
}

function expectedOffset(program: string): number {
  const symbols = execFileSync(go!, ['tool', 'nm', program], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const address = /^\s*([0-9a-f]+) [Tt] crypto\/tls\.\(\*Config\)\.writeKeyLog$/m.exec(symbols)?.[1];
  assert.ok(address !== undefined, 'the program has the function');
  return fileOffsetOf(program, Number.parseInt(address, 16));
}

function withoutSections(path: string): Buffer {
  const bytes = readFileSync(path);
  bytes.fill(0, 40, 48);
  bytes.fill(0, 58, 64);
  return bytes;
}

/** Of older versions what differs is the function table's format (1.18, 1.20) and how PIE fills it in. */
const WAYS: readonly [string, string, boolean, readonly string[]][] = [
  ['this version', 'local', false, []],
  ['this version, PIE', 'local', false, ['-buildmode=pie']],
  ['this version, linked by the C linker', 'local', true, ['-ldflags=-linkmode=external']],
  ['Go 1.18', 'go1.18.10', false, []],
  ['Go 1.20, PIE', 'go1.20.14', false, ['-buildmode=pie']],
  ['Go 1.22', 'go1.22.1', false, []],
];

describe('Go programs', { skip: go === undefined && 'Go is not installed' }, () => {
  before(() => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'main.go'), SOURCE);
    writeFileSync(join(folder, 'go.mod'), 'module example.test/tls\n\ngo 1.17\n');
  });

  for (const [what, toolchain, cgo, flags] of WAYS) {
    const name = what.replaceAll(/\W+/g, '-');

    test(`${what}: with symbols, without, and without sections`, (t) => {
      let program: string;
      try {
        program = build(name, toolchain, cgo, ...flags);
      } catch (error) {
        const said = String((error as { stderr?: Buffer }).stderr);
        if (!/download|toolchain not available|GOPROXY|dial tcp|C compiler/.test(said)) throw error;
        t.skip(`${toolchain} cannot be had here`);
        return;
      }
      const strip = flags.some((flag) => flag.startsWith('-ldflags'))
        ? flags.map((flag) => (flag.startsWith('-ldflags') ? `${flag} -s -w` : flag))
        : [...flags, '-ldflags=-s -w'];
      const stripped = build(`${name}-s`, toolchain, cgo, ...strip);
      const fileOffset = expectedOffset(program);
      const version = /go(\S+)$/.exec(execFileSync(go!, ['version', program], { encoding: 'utf8' }).trim())?.[1];
      const image = look(program);
      assert.equal(image.library, `go ${version}`);
      assert.deepEqual(image.probes, [{ kind: 'go-key-log', fileOffset }]);
      assert.notEqual(image.buildId, '');
      // What the linker leaves out stands behind the code.
      assert.deepEqual(look(stripped).probes, [{ kind: 'go-key-log', fileOffset }]);
      const bare = inspectImage(new BytesReader(withoutSections(stripped)));
      assert.deepEqual(bare.probes, [{ kind: 'go-key-log', fileOffset }]);
      assert.equal(bare.library, `go ${version}`);
    });
  }

  test('a program without TLS has none', () => {
    const plain = join(folder, 'plain');
    mkdirSync(plain);
    writeFileSync(join(plain, 'main.go'), PLAIN);
    const program = join(plain, 'plain');
    const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GO111MODULE: 'off', CGO_ENABLED: '0' };
    execFileSync(go!, ['build', '-o', program, 'main.go'], { cwd: plain, env });
    const image = look(program);
    assert.equal(image.library, '');
    assert.deepEqual(image.probes, []);
  });

  test('damaged function tables: no throw, no place outside of the file', () => {
    const program = build('damaged', 'local', false, '-buildmode=pie');
    const bytes = readFileSync(program);
    const sections = execFileSync('readelf', ['-SW', program], { encoding: 'utf8' });
    const rangeOf = (section: string, bytesMax: number): [number, number] => {
      const found = new RegExp(` ${section}\\s+\\S+\\s+[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)`).exec(sections);
      assert.ok(found !== null, section);
      return [parseInt(found[1]!, 16), Math.min(parseInt(found[2]!, 16), bytesMax)];
    };
    const ranges = [
      rangeOf('\\.gopclntab', 72),
      rangeOf('\\.gopclntab', 1 << 30),
      rangeOf('\\.go\\.buildinfo', 64),
      rangeOf('\\.go\\.module', 256),
      [0, 1024] as [number, number],
    ];
    const change = fc.record({
      range: fc.constantFrom(...ranges),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      value: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.constant(Buffer.alloc(8, 255))),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const undo: { at: number; was: Buffer }[] = [];
        for (const { range, at: part, value } of changes) {
          const at = range[0] + Math.floor(part * range[1]);
          undo.push({ at, was: Buffer.from(bytes.subarray(at, at + value.length)) });
          bytes.set(value, at);
        }
        try {
          for (const { fileOffset } of inspectImage(new BytesReader(bytes)).probes)
            assert.ok(fileOffset > 0 && fileOffset < bytes.length);
        } finally {
          for (const { at, was } of undo.reverse()) bytes.set(was, at);
        }
      }),
      { numRuns: 150 },
    );
  });
});
