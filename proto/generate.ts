// SPDX-License-Identifier: Apache-2.0

/**
 * Makes `proto/generated/` from the .proto files. `--check` compares instead and exits 1 when they differ.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const sources = ['sworn/v1/record.proto', 'sworn/v1/ingest.proto'];
const outputs = ['record.js', 'record.d.ts'];
const generated = join(root, 'proto/generated');

export function generate(intoFolder: string): void {
  const output = join(intoFolder, 'record.js');
  // prettier-ignore
  const args = [
    join(root, 'node_modules/protobufjs-cli/bin/pbjs'),
    '-t',
    'static-module',
    '-w',
    'esm',
    '-r',
    'sworn',
    '--dts',
    '--no-create',
    '--no-verify',
    '--no-convert',
    '--no-delimited',
    '--no-typeurl',
    '--no-service',
    '-p',
    join(root, 'proto'),
    '-o',
    output,
    ...sources,
  ];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Names of generated files that are not what the .proto files give now. */
export function staleFiles(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-proto-'));
  try {
    generate(folder);
    return outputs.filter((name) => readFileSync(join(folder, name), 'utf8') !== readOrEmpty(join(generated, name)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const stale = staleFiles();
    if (stale.length > 0) {
      console.error(`proto/generated is not current: ${stale.join(', ')}. Run: npm run generate`);
      process.exit(1);
    }
  } else {
    generate(generated);
  }
}
