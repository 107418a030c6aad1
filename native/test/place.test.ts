// SPDX-License-Identifier: Apache-2.0

/** Where a probe is put, in code of which the assembler says where its instructions are. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { unless } from './bpf-host.ts';
import { scratchFolder, trigger } from './trigger.ts';

const X86 = arch() === 'x64' ? {} : { skip: 'the code is of x86-64' };

/** Machine code of instructions in the assembler's words, and how far from its beginning `here:` is. */
function assembled(text: string): { code: Buffer; here: number } {
  const [source, object, raw] = ['place.s', 'place.o', 'place.bin'].map((name) => join(scratchFolder(), name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(source, `.globl here\n${text.replaceAll('; ', '\n')}\nend: ret\n`);
  execFileSync('gcc', ['-c', '-o', object, source]);
  execFileSync('objcopy', ['-O', 'binary', '-j', '.text', object, raw]);
  const symbols = execFileSync('nm', [object], { encoding: 'utf8' });
  return { code: readFileSync(raw), here: Number.parseInt(/^(\w+) . here$/m.exec(symbols)?.[1] ?? '0', 16) };
}

function distancesOf(...codes: Buffer[]): number[] {
  const told = execFileSync(
    trigger('place'),
    codes.map((code) => code.toString('hex')),
  );
  return told.toString('utf8').trim().split('\n').map(Number);
}

describe('the place of a probe', { ...unless('gcc'), ...X86 }, () => {
  test('is the first instruction that the kernel does itself, behind such as change nothing', () => {
    for (const text of [
      'test %rdi, %rdi; here: je end',
      'test %edx, %esi; here: jne end',
      'test %r12, %r8; here: jle end',
      'endbr64; here: push %rbp',
      'endbr64; here: push %r15; mov %rsp, %rbp',
      'endbr64; test %rsi, %rsi; here: call end',
      'cmp 16(%r14), %rsp; here: jbe end',
      'lea -24(%rsp), %r12; cmp 16(%r14), %r12; here: jbe end',
      'lea -4096(%rsp), %r12; cmp 16(%r14), %r12; here: jbe end; .skip 300',
      'cmp 16(%r14), %rsp; here: jbe end; .skip 300',
    ]) {
      const { code, here } = assembled(text);
      assert.ok(here > 0);
      assert.deepEqual(distancesOf(code), [here], text);
    }
  });

  test('is the beginning when that is such an instruction, or when anything else is ahead of one', () => {
    for (const text of [
      'push %rbp',
      'jmp end',
      'mov %rdi, %rax; push %rbp',
      'test %rdi, (%rax); je end',
      'sub $24, %rsp; test %rdi, %rdi; je end',
      'test %rdi, %rdi; mov (%rdi), %rax; je end',
      'lea -24(%rbp), %r12; push %rbp',
      'lea -24(%rsp), %rdi; push %rbp',
      'cmp 16(%r14), %rdi; mov %rdi, %rsi; je end',
    ]) {
      assert.deepEqual(distancesOf(assembled(text).code), [0], text);
    }
  });

  test('is the beginning when the code ends before one', () => {
    const { code } = assembled('endbr64; test %rdi, %rdi; je end; .skip 300');
    for (let bytes = 1; bytes < 7; bytes++) assert.deepEqual(distancesOf(code.subarray(0, bytes)), [0], `${bytes}`);
    assert.deepEqual(distancesOf(code.subarray(0, 13)), [7]);
  });
});
