// SPDX-License-Identifier: Apache-2.0

/** ioredis against a server: the folder of the package and the port are given. */
import { createRequire } from 'node:module';

const [folder = '', port = ''] = process.argv.slice(2);
const Redis = createRequire(import.meta.url)(folder);
const client = new Redis({ port: Number(port), host: '127.0.0.1', username: 'ann', password: 'ann-Passwort-77' });
await client.set('from node', 'Größe ☃');
await client.set('buffer', Buffer.from([0, 255, 13, 10]));
await Promise.all(Array.from({ length: 300 }, (_, n) => client.hset('at once', `field ${n}`, n)));
await client.multi().set('m', 1).incr('m').exec();
await client.lpush('m', 'x').catch(() => {});
await client.scan(0, 'MATCH', 'p*', 'COUNT', 10);
await client.quit();
