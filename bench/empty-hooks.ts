// SPDX-License-Identifier: Apache-2.0

/** All hooks with empty programs on them, until SIGTERM: the floor that no recording can be below. */
import { loadAddon } from '../agent/source/ebpf/addon.ts';

const { Capture } = loadAddon();
const capture = new Capture({ passive: true });
console.log(JSON.stringify({ hooks: capture.programs().filter(({ attached }) => attached).length }));
const alive = setInterval(() => {}, 60_000);
process.once('SIGTERM', () => {
  clearInterval(alive);
  capture.close();
});
