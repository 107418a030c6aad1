// SPDX-License-Identifier: Apache-2.0

/** The client with rustls in it (rustls-client/), over either of its libraries of cryptography. */
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export const RUST_FEATURES = ['ring', 'aws-lc'] as const;
export type RustFeature = (typeof RUST_FEATURES)[number];

export function whyNoRust(): string | false {
  try {
    execFileSync('cargo', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'cargo is not installed';
  }
}

/**
 * Its path. Cargo keeps what it has built in .setup: the first time takes a minute and both processors, later ones nothing, and of
 * two at once the second waits for the first.
 */
export function buildRustClient(feature: RustFeature): string {
  const place = join(ROOT, '.setup/rustls-client', feature);
  cpSync(join(import.meta.dirname, 'rustls-client'), place, { recursive: true, preserveTimestamps: true });
  const env = { ...process.env, CARGO_TARGET_DIR: join(place, 'target') };
  execFileSync('cargo', ['build', '--quiet', '--release', '--features', feature], { cwd: place, env });
  return join(place, 'target/release/rustls-client');
}
