// SPDX-License-Identifier: Apache-2.0

// Runs a command over SSH by ssh2: ssh2_client.mjs FOLDER-OF-SSH2 PORT CIPHER KEY-FILE COMMAND; no key, no login.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, port, cipher, keyFile, command] = process.argv.slice(2);
const { Client } = createRequire(import.meta.url)(folder);
const client = new Client();
client.on('ready', () => {
  client.exec(command, (error, channel) => {
    if (error) throw error;
    channel.on('data', (bytes) => process.stdout.write(bytes));
    channel.on('close', () => client.end());
  });
});
client.connect({
  host: '127.0.0.1',
  port: Number(port),
  username: 'root',
  algorithms: { cipher: [cipher] },
  ...(keyFile !== '' && { privateKey: readFileSync(keyFile) }),
});
