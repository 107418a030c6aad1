// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: many small requests with fetch, some at a time, on connections that are kept.
 *
 *   node loading-client.ts URL COUNT
 */
const [url, count] = process.argv.slice(2) as [string, string];
const AT_A_TIME = 4;

let next = 0;
async function ask(): Promise<void> {
  while (next < Number(count)) {
    const n = next++;
    const init = n % 3 === 0 ? { method: 'POST', body: `body ${n}` } : {};
    const response = await fetch(`${url}/load/${n}?bytes=${n % 500}&framing=${n % 2 ? 'chunked' : 'length'}`, init);
    await response.arrayBuffer();
  }
}

await Promise.all(Array.from({ length: AT_A_TIME }, ask));
