// SPDX-License-Identifier: Apache-2.0

/** A bundle of a session, changed by who passes it on; each time with a manifest that fits what was changed. */
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordStage } from './record.ts';
import type { TamperCase } from './suite.ts';

interface Manifest {
  files: { name: string; bytes: number; sha256: string }[];
  logs: {
    file: string;
    agent_id: string;
    tree_size: number;
    checkpoint: string;
    activities: number;
    last_seq: number;
  }[];
}

const made = new WeakMap<RecordStage, string>();

/** The bundle of a session of db-1, as a folder; made once. */
async function bundleOf(stage: RecordStage): Promise<string> {
  const known = made.get(stage);
  if (known !== undefined) return known;
  await stage.restore();
  const [row] = await stage.collector.ask<{ id: string }>(
    "SELECT session_id AS id FROM sworn.activities WHERE agent_id = 'db-1' AND session_id != '' ORDER BY seq LIMIT 1",
  );
  const folder = join(stage.folder, 'bundle');
  const { code, err } = await stage.sworn(['bundle', row!.id, '-o', folder]);
  if (code !== 0) throw new Error(`sworn bundle ended with ${code}: ${err}`);
  made.set(stage, folder);
  return folder;
}

class Copy {
  readonly folder: string;
  readonly manifest: Manifest;

  constructor(folder: string) {
    this.folder = folder;
    this.manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  }

  /** Of the log of db-1. */
  get #file(): string {
    return join(this.folder, this.manifest.logs.find(({ agent_id }) => agent_id === 'db-1')!.file);
  }

  get lines(): string[] {
    return readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
  }

  set lines(lines: readonly string[]) {
    writeFileSync(this.#file, lines.map((line) => `${line}\n`).join(''));
  }

  /** Places of lines that show an activity. */
  get shown(): number[] {
    return this.lines.flatMap((line, at) => ('activity' in (JSON.parse(line) as object) ? [at] : []));
  }

  /** The manifest names the files as they are now. */
  seal(): void {
    for (const file of this.manifest.files) {
      const bytes = readFileSync(join(this.folder, file.name));
      file.bytes = bytes.length;
      file.sha256 = createHash('sha256').update(bytes).digest('hex');
    }
    writeFileSync(join(this.folder, 'manifest.json'), JSON.stringify(this.manifest));
  }
}

function bundleCase(name: string, act: (copy: Copy) => void, expected: readonly string[], isSealed = true): TamperCase {
  return {
    name: `bundle: ${name}`,
    who: expected.length === 0 ? 'nobody' : 'analyst',
    async run(stage) {
      const whole = await bundleOf(stage);
      const folder = `${whole}-changed`;
      rmSync(folder, { recursive: true, force: true });
      cpSync(whole, folder, { recursive: true });
      const copy = new Copy(folder);
      act(copy);
      if (isSealed) copy.seal();
      const { code, out, err } = await stage.sworn(['verify', folder, '--json']);
      if (out === '') return { found: [`${code}: ${err}`], expected };
      const { ok, integrity } = JSON.parse(out) as {
        ok: boolean;
        integrity: { problems: { kind: string; agent_id: string }[] };
      };
      const kinds = integrity.problems
        .map(({ kind }) => kind)
        .filter((kind) => !/^(erased|not_sealed_yet)$/.test(kind));
      if (ok !== (kinds.length === 0) || code !== (ok ? 0 : 1)) throw new Error(`ok ${ok}, exit code ${code}: ${out}`);
      return { found: [...new Set(kinds)], expected };
    },
  };
}

const changeLine = (copy: Copy, change: (activity: Record<string, unknown>) => void): void => {
  const lines = copy.lines;
  const at = copy.shown[3]!;
  const line = JSON.parse(lines[at]!) as { activity: Record<string, unknown> };
  change(line.activity);
  lines[at] = JSON.stringify(line);
  copy.lines = lines;
};

function exchange(copy: Copy): void {
  const lines = copy.lines;
  const [one, other] = copy.shown.slice(3, 5) as [number, number];
  [lines[one], lines[other]] = [lines[other]!, lines[one]!];
  copy.lines = lines;
}

export const BUNDLE_CASES: readonly TamperCase[] = [
  bundleCase('nobody did anything', () => {}, []),
  bundleCase('altered: a field of an activity', (copy) => changeLine(copy, (one) => (one['exe'] = '/usr/bin/other')), [
    'altered',
  ]),
  bundleCase(
    'altered: a file, and not the manifest',
    (copy) => changeLine(copy, (one) => (one['exe'] = '/usr/bin/other')),
    ['altered'],
    false,
  ),
  bundleCase(
    'removed: an activity',
    (copy) => {
      const at = copy.shown[3]!;
      copy.lines = copy.lines.filter((_, index) => index !== at);
    },
    ['removed'],
  ),
  bundleCase('swapped: two activities', exchange, ['swapped']),
  bundleCase(
    'replayed: an activity a second time',
    (copy) => {
      const at = copy.shown[3]!;
      copy.lines = copy.lines.toSpliced(at, 0, copy.lines[at]!);
    },
    ['replayed'],
  ),
  bundleCase(
    'cut_tail: the last lines',
    (copy) => {
      copy.lines = copy.lines.slice(0, -3);
    },
    ['cut_tail'],
  ),
  bundleCase(
    'bad_signature: another size in the checkpoint',
    (copy) => {
      for (const log of copy.manifest.logs) log.checkpoint = log.checkpoint.replace(/\n\d+\n/, '\n7\n');
    },
    ['bad_signature'],
  ),
  bundleCase(
    'altered: the page',
    ({ folder }) => writeFileSync(join(folder, 'index.html'), 'other'),
    ['altered'],
    false,
  ),
];
