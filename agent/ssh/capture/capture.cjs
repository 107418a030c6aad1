// SPDX-License-Identifier: Apache-2.0

/**
 * Records captures/*.jsonl: a client that gives its keys away (ssh2 for Node, in a folder of its own) and a real sshd, and a real
 * OpenSSH client with a server that does (ssh2 again). Through a proxy on loopback. Not a part of the tests: they read what it wrote.
 *
 *   NODE_PATH=FOLDER/node_modules node capture.cjs SSHD SFTP_SERVER OUT    as root; ssh2 without its native part
 */
const { execFileSync, spawn } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const net = require('node:net');
const { once } = require('node:events');

const suite = require('ssh2/lib/protocol/crypto.js');
let keys = [];
for (const [make, way, encrypts] of [
  ['createCipher', 'outbound', true],
  ['createDecipher', 'inbound', false],
]) {
  const original = suite[make];
  suite[make] = (config) => {
    const { cipherKey, decipherKey, cipherIV, decipherIV } = config[way];
    const hex = (bytes) => (bytes === undefined ? '' : Buffer.from(bytes).toString('hex'));
    keys.push({ key: hex(cipherKey ?? decipherKey), iv: hex(cipherIV ?? decipherIV), encrypts });
    return original(config);
  };
}
const { Client, Server } = require('ssh2');
const [, , sshd, sftpServer, out] = process.argv;
const folder = mkdtempSync('/tmp/ssh-capture-');
const at = (name) => `${folder}/${name}`;

function latin1(bytes) {
  return bytes.toString('latin1');
}

/** A proxy to `port`; what crosses it is written to a capture when the connection has ended. */
async function proxied(port, name, note, talk) {
  keys = [];
  const steps = [];
  let connections = 0;
  const proxy = net.createServer((near) => {
    // What is forwarded comes back here, and is another connection.
    const isFirst = connections++ === 0;
    const note = (side, bytes) => isFirst && steps.push([side, latin1(bytes)]);
    const far = net.connect(port, '127.0.0.1');
    near.on('data', (bytes) => {
      note('client', bytes);
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      note('server', bytes);
      near.write(bytes);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      one.on('end', () => other.end());
      one.on('error', () => other.destroy());
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  await talk(proxy.address().port);
  await new Promise((resolve) => setTimeout(resolve, 200));
  proxy.close();
  const date = new Date().toISOString().slice(0, 10);
  const lines = [{ ...note, date }, ...steps].map((line) => JSON.stringify(line));
  writeFileSync(`${out}/${name}.jsonl`, `${lines.join('\n')}\n`);
  writeFileSync(`${out}/${name}.keys.json`, `${JSON.stringify(keys, undefined, 2)}\n`);
}

const call = (on, method, ...rest) =>
  new Promise((resolve, reject) => {
    on[method](...rest, (error, value) => (error ? reject(error) : resolve(value)));
  });
const drained = (stream) => {
  stream.resume();
  stream.stderr?.resume();
  return once(stream, 'close');
};

async function withClient(port, options) {
  const client = new Client();
  client.connect({ host: '127.0.0.1', port, username: 'root', privateKey: readFileSync(at('user')), ...options });
  await once(client, 'ready');
  const run = await call(client, 'exec', 'echo out; echo err >&2; cat; exit 3');
  run.end('typed in\n');
  await drained(run);
  const shell = await call(client, 'shell', { term: 'xterm', cols: 80, rows: 24 });
  shell.setWindow(30, 100, 0, 0);
  shell.end('echo shown\nexit\n');
  await drained(shell);
  const sftp = await call(client, 'sftp');
  await call(sftp, 'writeFile', at('file'), 'a line of a file\n'.repeat(50));
  await call(sftp, 'readFile', at('file'));
  await call(sftp, 'rename', at('file'), at('file2'));
  await call(sftp, 'unlink', at('file2'));
  await call(sftp, 'readdir', at('empty'));
  await call(sftp, 'stat', at('none')).catch(() => undefined);
  sftp.end();
  const forward = await call(client, 'forwardOut', '127.0.0.1', 5, '127.0.0.1', Number(port)).catch(() => undefined);
  forward?.end();
  if (forward) await drained(forward);
  client.end();
  await once(client, 'close');
}

async function main() {
  for (const name of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  execFileSync('mkdir', [at('empty')]);
  writeFileSync(at('authorized_keys'), readFileSync(at('user.pub')));
  writeFileSync(at('passwd'), `${readFileSync('/etc/passwd')}sshd:x:999:65534::/run/sshd:/usr/sbin/nologin\n`);
  const port = 20000 + (process.pid % 20000);
  writeFileSync(
    at('config'),
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${at('host')}\nAuthorizedKeysFile ${at('authorized_keys')}\nStrictModes no\nPermitRootLogin yes\nSubsystem sftp ${sftpServer}\nPidFile none\nCiphers +aes128-cbc\nUsePAM no\n`,
  );
  const script = `mount --bind ${at('passwd')} /etc/passwd && mkdir -p /run/sshd && exec ${sshd} -D -e -f ${at('config')}`;
  const daemon = spawn('unshare', ['-m', 'sh', '-c', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const version = 'OpenSSH_9.2p1';
  try {
    for (const [name, cipher, more] of [
      ['sshd-ctr-etm', 'aes128-ctr', { hmac: ['hmac-sha2-256-etm@openssh.com'] }],
      ['sshd-gcm', 'aes256-gcm@openssh.com', {}],
      ['sshd-chacha', 'chacha20-poly1305@openssh.com', {}],
      ['sshd-ctr-zlib', 'aes256-ctr', { hmac: ['hmac-sha2-512'], compress: ['zlib@openssh.com'] }],
    ]) {
      const note = { server: version, client: 'ssh2 for Node', command: `exec, shell, sftp with ${cipher}` };
      await proxied(port, name, note, (to) => withClient(to, { algorithms: { cipher: [cipher], ...more } }));
    }
  } finally {
    daemon.kill();
  }
  const server = new Server({ hostKeys: [readFileSync(at('host'))] }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => (context.method === 'publickey' ? context.accept() : context.reject()));
    client.on('session', (accept) => {
      accept().on('exec', (take, _reject, { command }) => {
        const stream = take();
        stream.stderr.write('err\n');
        stream.write(`ran ${command}\n`.repeat(20));
        stream.exit(4);
        stream.end();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const [name, args] of [
    ['client-gcm', ['-c', 'aes128-gcm@openssh.com']],
    ['client-chacha', ['-c', 'chacha20-poly1305@openssh.com']],
    ['client-ctr-zlib', ['-C', '-c', 'aes192-ctr', '-m', 'hmac-sha2-256']],
  ]) {
    const note = { server: 'ssh2 for Node', client: version, command: `ssh ${args.join(' ')} … uname -a` };
    await proxied(server.address().port, name, note, async (to) => {
      const hosts = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-F', 'none'];
      const ssh = spawn('ssh', [...hosts, ...args, '-i', at('user'), '-p', String(to), 'root@127.0.0.1', 'uname -a'], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      await once(ssh, 'close');
    });
  }
  server.close();
  rmSync(folder, { recursive: true });
}

main().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
