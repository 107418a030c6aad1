// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the TypeScript side of the event layouts from the compiler's own description (BTF) of `native/abi`, so that no
 * offset is ever written by hand. `staleLayout` lets a test compare.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const layoutFile = join(root, 'agent/source/ebpf/layout.generated.ts');
const identityFile = join(root, 'native/abi/identity.h');

interface BtfMember {
  readonly name: string;
  readonly type_id: number;
  readonly bits_offset: number;
}

interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly members?: readonly BtfMember[];
  readonly values?: readonly { readonly name: string; readonly val: number }[];
  readonly type_id?: number;
}

/** Types by id, as bpftool prints the BTF of abi/describe.c. */
function describeAbi(): Map<number, BtfType> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-abi-'));
  try {
    const object = join(folder, 'abi.o');
    const include = `/usr/include/${arch() === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
    const source = join(root, 'native/abi/describe.c');
    execFileSync('clang', ['-g', '-O0', '-target', 'bpf', `-I${include}`, '-c', source, '-o', object]);
    const printed = execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', object], {
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
    });
    const { types } = JSON.parse(printed.toString('utf8')) as { types: BtfType[] };
    return new Map(types.map((type) => [type.id, type]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const withoutPrefix = (name: string): string => camel(name.replace(/^sworn_/, ''));

/** `processTgid: 16`: nested structures are flattened, so a reader adds one number. */
function offsetsOf(types: Map<number, BtfType>, type: BtfType, at: number, prefix: string, into: string[]): void {
  for (const member of type.members ?? []) {
    if (/^zero\d*$/.test(member.name)) continue;
    const offset = at + member.bits_offset / 8;
    const name = prefix === '' ? camel(member.name) : prefix + camel(`_${member.name}`);
    let inner = types.get(member.type_id);
    while (inner?.kind === 'TYPEDEF' && inner.type_id !== undefined) inner = types.get(inner.type_id);
    into.push(`  ${name}: ${offset},`);
    if (inner?.kind === 'STRUCT') offsetsOf(types, inner, offset, name, into);
  }
}

/** Whole-number limits of the header; layouts alone do not carry them. */
function limits(): string[] {
  const header = readFileSync(join(root, 'native/abi/event.h'), 'utf8');
  const found = [...header.matchAll(/^#define SWORN_([A-Z0-9_]+) (\d+)\b/gm)];
  return found.map(([, name, value]) => `  ${camel((name as string).toLowerCase())}: ${value},`);
}

/** Both sides carry the digest of the layout, so that an addon of another version is refused when it is loaded. */
function generated(): ReadonlyMap<string, string> {
  const layout = layoutText();
  const id = createHash('sha256').update(layout).digest('hex').slice(0, 16);
  const identity = [
    '/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */',
    '',
    '/* Made by generate.ts from event.h; do not edit. */',
    '#ifndef SWORN_IDENTITY_H',
    '#define SWORN_IDENTITY_H',
    '',
    `#define SWORN_ABI_ID "${id}"`,
    '',
    '#endif',
    '',
  ];
  return new Map([
    [layoutFile, `${layout}\nexport const abiId = '${id}';\n`],
    [identityFile, identity.join('\n')],
  ]);
}

function layoutText(): string {
  const types = describeAbi();
  const named = [...types.values()].filter((type) => type.name?.startsWith('sworn_'));
  const lines = [
    '// SPDX-License-Identifier: Apache-2.0',
    '',
    '// Made by native/abi/generate.ts from native/abi/event.h; do not edit. Offsets and sizes in bytes.',
    '',
  ];
  const byName = (a: BtfType, b: BtfType): number => (a.name < b.name ? -1 : 1);
  for (const type of named.filter(({ kind }) => kind === 'ENUM').sort(byName)) {
    const values = (type.values ?? []).map(({ name, val }) => {
      const short = name.replace(new RegExp(`^${type.name.toUpperCase().replace(/_TYPE$/, '')}_?`), '');
      return `  ${camel((short === 'S' || short === '' ? 'count' : short).toLowerCase())}: ${val},`;
    });
    lines.push(`export const ${withoutPrefix(type.name)} = {`, ...values, '} as const;', '');
  }
  for (const type of named.filter(({ kind }) => kind === 'STRUCT').sort(byName)) {
    const offsets: string[] = [];
    offsetsOf(types, type, 0, '', offsets);
    lines.push(
      `export const ${withoutPrefix(type.name)} = {`,
      `  structBytes: ${type.size},`,
      ...new Set(offsets),
      '} as const;',
      '',
    );
  }
  lines.push('export const limits = {', ...limits(), '} as const;', '');
  return lines.join('\n');
}

/** Whether the committed files are not what the headers give now. */
export function staleLayout(): boolean {
  return [...generated()].some(([file, text]) => readFileSync(file, 'utf8') !== text);
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) {
    for (const [file, text] of generated()) writeFileSync(file, text);
  } else if (staleLayout()) {
    console.error("it is not what native/abi/event.h gives; run 'npm run generate'");
    process.exitCode = 1;
  }
}
