// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Lock, packageFolders } from './installed-packages.ts';

const lockText = readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8');
const lock = (JSON.parse(lockText) as { packages: Lock }).packages;

describe('packages to install', () => {
  it('follow from package to package, the nearest first', () => {
    const small: Lock = {
      '': { dependencies: { a: '1', b: '1' } },
      'node_modules/a': { dependencies: { c: '1', d: '1' } },
      'node_modules/a/node_modules/c': { optionalDependencies: { e: '1' } },
      'node_modules/b': {},
      'node_modules/c': {},
      'node_modules/d': {},
      'node_modules/e': {},
      'node_modules/of-nobody': { dev: true },
    };
    const all = [
      'node_modules/a',
      'node_modules/a/node_modules/c',
      'node_modules/b',
      'node_modules/d',
      'node_modules/e',
    ];
    assert.deepEqual(packageFolders(small, []), all);
    assert.deepEqual(packageFolders(small, ['a']), ['node_modules/b']);
  });

  it('are not for development, and without the store no ClickHouse is among them', () => {
    const folders = packageFolders(lock, ['chdb']);
    assert.ok(folders.includes('node_modules/fastify'));
    assert.deepEqual(
      folders.filter((folder) => lock[folder]?.dev === true || /chdb|typescript|biome/.test(folder)),
      [],
    );
    assert.ok(packageFolders(lock, []).includes('node_modules/@chdb/lib-linux-x64-gnu'));
  });
});

describe('the lock file', () => {
  it('has an entry for every optional package, without which npm ci refuses it', () => {
    const lacking = Object.values(lock)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !Object.hasOwn(lock, `node_modules/${name}`));
    assert.deepEqual(lacking, []);
  });

  it('names no place to fetch from, so that each machine asks its own', () => {
    assert.doesNotMatch(lockText, /"resolved":/);
  });
});
