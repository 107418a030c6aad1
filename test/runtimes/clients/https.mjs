// SPDX-License-Identifier: Apache-2.0

/**
 * A workload for JavaScript runtimes: their HTTPS clients. What it asks for stands in README.md. Not TypeScript: the oldest
 * of the runtimes that run it cannot.
 *
 *   https.mjs https|fetch one|several      node:https, or the runtime's own fetch
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import process from 'node:process';

const [client, life] = process.argv.slice(2);
const { RUNTIME_URL: url, RUNTIME_CA, RUNTIME_BODY } = process.env;
const isPlain = url.startsWith('http:');
const agent = isPlain
  ? new http.Agent({ keepAlive: true })
  : new https.Agent({ keepAlive: true, ca: readFileSync(RUNTIME_CA) });

function askByHttps(method, target, body) {
  return new Promise((resolve, reject) => {
    const request = (isPlain ? http : https).request(`${url}${target}`, { method, agent }, (response) => {
      response.on('error', reject);
      response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))));
      response.resume();
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The authority is known to the runtime by its environment. */
async function askByFetch(method, target, body) {
  const response = await fetch(`${url}${target}`, { method, body });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${response.status}`);
}

const ask = client === 'https' ? askByHttps : askByFetch;
if (life === 'one') {
  await ask('GET', '/one?bytes=200');
} else {
  await ask('GET', '/small?bytes=300');
  await ask('POST', '/upload?bytes=17', readFileSync(RUNTIME_BODY));
  await ask('GET', '/large?bytes=150000&framing=until-close&parts=10');
  await ask('GET', '/last?bytes=1000');
}
// A client that is done ends: connections that are kept would hold it.
process.exit(0);
