// SPDX-License-Identifier: Apache-2.0

/**
 * A log as files: `checkpoint`, and `tile/…` beside it.
 *
 * New tiles are written aside and take their places when their root is proved; the checkpoint comes last. So whoever reads
 * the folder, also after a crash, finds tiles for the checkpoint that is there.
 *
 * Source   C2SP tlog-tiles; without entries
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { TILE_WIDTH, type Tile, tilePath } from '../../proto/log/tile.ts';
import { edgeTiles } from './tile-builder.ts';

const CHECKPOINT = 'checkpoint';
/** Below the folder, so that taking its place is a rename. */
const ASIDE = '.unfinished';

export class TileFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The note that is there; undefined when there is none. */
  checkpoint(): string | undefined {
    const path = join(this.path, CHECKPOINT);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  /** Hashes of a tile; none when it is not there. */
  read(tile: Tile): Uint8Array {
    const path = join(this.path, tilePath(tile));
    return existsSync(path) ? readFileSync(path) : new Uint8Array();
  }

  /** What an export that was broken off left aside is removed. */
  begin(): void {
    mkdirSync(this.path, { recursive: true });
    rmSync(join(this.path, ASIDE), { recursive: true, force: true });
  }

  writeAside(tile: Tile, hashes: Uint8Array): void {
    const path = join(this.path, ASIDE, tilePath(tile));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, hashes);
  }

  /** All that is aside takes its place, and then the checkpoint. Unfinished tiles of `oldSize` go where whole ones came. */
  finish(note: string, oldSize: number): void {
    const aside = join(this.path, ASIDE);
    if (existsSync(join(aside, 'tile'))) moveInto(join(aside, 'tile'), join(this.path, 'tile'));
    rmSync(aside, { recursive: true, force: true });
    flush(this.path);
    const path = join(this.path, CHECKPOINT);
    const file = openSync(`${path}.new`, 'w');
    try {
      writeFileSync(file, note);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.new`, path);
    flush(this.path);
    for (const tile of edgeTiles(oldSize)) {
      const whole = join(this.path, tilePath({ ...tile, width: TILE_WIDTH }));
      if (existsSync(whole)) rmSync(`${whole}.p`, { recursive: true, force: true });
    }
  }

  abandon(): void {
    rmSync(join(this.path, ASIDE), { recursive: true, force: true });
  }
}

function moveInto(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) moveInto(source, target);
    else renameSync(source, target);
  }
}

/** One call for all files, however many there are. */
function flush(path: string): void {
  execFileSync('sync', ['-f', path], { stdio: 'ignore' });
}
