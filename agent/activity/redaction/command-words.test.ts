// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectedOf, plainOf, redactor } from './testing/marked.ts';

const BASIC = Buffer.from('alice:hunter22').toString('base64');

const FOUND: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'options whose names say it': [
    ['psql', '--password', '«hunter2»'],
    ['x', '--password=«hunter2»'],
    ['app', '--db.password', '«hunter2»'],
    ['app', '--token', '«abc»'],
    ['app', '--passphrase', '«my long pass phrase»'],
    ['java', '-Dspring.datasource.password=«hunter2»', '-jar', 'x'],
    ['wget', '--http-password=«hunter2»', 'x'],
  ],
  assignments: [
    ['env', 'DB_PASSWORD=«hunter2 hunter3»', 'node', 'x'],
    ['env', 'TOKEN=«abcdefgh»', 'node', 'x'],
    ['docker', 'run', '-e', 'MYSQL_ROOT_PASSWORD=«hunter2»', '-p', '8080:80', 'mysql'],
  ],
  'options of curl': [
    ['curl', '-u', 'alice:«hunter2»', '-H', 'Authorization: Bearer «abcdef0123456789»', 'https://x'],
    ['curl', '-ualice:«hunter2»'],
    ['curl', '-sSu', 'alice:«hunter2»', 'x'],
    ['curl', '--user=alice:«hunter2»', 'x'],
    ['timeout', '5', 'curl', '-u', 'alice:«hunter2»', 'x'],
    ['curl', '-b', '«sid=1234»', 'x'],
    ['curl', '-d', '{"password":"«hunter2»"}', 'x'],
    ['curl', '-d', 'user=a&password=«hunter2»', 'x'],
    ['curl', '-x', 'http://u:«p»@proxy:3128', 'x'],
    ['curl', '--oauth2-bearer', '«abcd»', 'x'],
    ['curl', '-H', 'PRIVATE-TOKEN: «abcd1234ABCDEFGHijkl»', 'x'],
    ['curl', '-F', 'password=«hunter2»'],
  ],
  'options of databases': [
    ['mysql', '-p«hunter2»', '-h', 'x'],
    ['/usr/bin/mysqldump', '-uroot', '-p«hunter2»', 'db'],
    ['mysqladmin', '-u', 'root', 'password', '«hunter2»'],
    ['redis-cli', '-a', '«hunter2»'],
    ['mongosh', '-u', 'a', '-p', '«hunter2»'],
    ['sqlcmd', '-S', 'h', '-U', 'sa', '-P', '«hunter2»'],
    ['sqlplus', 'scott/«tiger»@db'],
    ['psql', '-c', "ALTER USER bob PASSWORD '«hunter2»'"],
    ['psql', 'postgres://u:«p»@h/d'],
    ['psql', 'host=h password=«hunter2»'],
  ],
  'options of other tools': [
    ['docker', 'login', '-u', 'a', '-p', '«hunter2»', 'r.example.net'],
    ['sshpass', '-p', '«hunter2»', 'ssh', 'x'],
    ['az', 'login', '--service-principal', '-u', 'a', '-p', '«abc~123»', '--tenant', 't'],
    ['aws', 'configure', 'set', 'aws_secret_access_key', '«wJalr»'],
    ['vault', 'login', '«hvs.abc»'],
    ['vault', 'kv', 'put', 'secret/x', 'k=«v1»', 'z=«v2»'],
    ['kubectl', 'create', 'secret', 'generic', 'x', '--from-literal=k=«v1»'],
    ['openssl', 'rsa', '-passin', 'pass:«hunter2»'],
    ['keytool', '-storepass', '«hunter2»'],
    ['ldapsearch', '-D', 'cn=a', '-w', '«hunter2»', '-b', 'dc=x'],
    ['smbclient', '//h/s', '-U', 'bob%«hunter2»'],
    ['htpasswd', '-b', 'f', 'bob', '«hunter2»'],
    ['7z', 'a', '-p«hunter2»', 'x.7z'],
    ['gh', 'secret', 'set', 'X', '-b', '«v»'],
    ['npm', 'config', 'set', '//registry.example.net/:_authToken', '«abcd»'],
    ['git', '-c', `http.extraheader=AUTHORIZATION: basic «${BASIC}»`, 'fetch'],
    ['python3', '-c', "import x; x.connect(password='«hunter2»')"],
  ],
  'scripts for a shell': [
    ['sh', '-c', 'PGPASSWORD=«hunter2» psql -h x'],
    ['bash', '-lc', "mysql -p«hunter2» -e 'select 1'"],
    ['sh', '-c', "curl -u 'alice:«hunter2»' https://x; echo done"],
    ['sh', '-c', 'export TOKEN=«abcdefgh»; curl https://x'],
    ['sh', '-c', 'curl -H "Authorization: Bearer «abcdefgh12345678»" https://x'],
    ['su', '-c', 'mysql -p«hunter2»', 'bob'],
    ['ssh', 'host', 'PGPASSWORD=«hunter2» psql -h x'],
    ['ssh', 'host', 'mysql -p«hunter2» -e "select 1"'],
    ['docker', 'exec', 'db', 'mysql', '-p«hunter2»'],
  ],
};

const UNTOUCHED: readonly (readonly string[])[] = [
  ['node', 'x.js', '-p', '3000'],
  ['docker', 'run', '-p', '8080:80', 'nginx'],
  ['curl', '-u', 'alice', 'x'],
  ['curl', '-b', 'cookies.txt', 'x'],
  ['mysql', '-p', 'db'],
  ['gh', 'pr', 'create', '-b', 'the body'],
  ['openssl', 'rsa', '-passin', 'env:PW'],
  ['openssl', 'rsa', '-passin', 'file:/run/pw'],
  ['app', '--password-file', '/run/secrets/db', '--token-count', '5'],
  ['sh', '-c', 'echo "$DB_PASSWORD" | docker login -u x --password-stdin'],
  ['curl', '-u', 'alice:[redacted:0123456789ab]', 'x'],
  ['curl', '-u', '[redacted:0123456789ab]', 'x'],
];

describe('secrets in the words of a command', () => {
  for (const [kind, cases] of Object.entries(FOUND)) {
    it(`are found in ${kind}`, () => {
      for (const marked of cases) {
        const expected = marked.map(expectedOf);
        assert.deepEqual(redactor().argv(marked.map(plainOf)), expected);
        assert.deepEqual(redactor().argv(expected), expected, 'once more');
      }
    });
  }

  it('are not seen where there are none', () => {
    for (const words of UNTOUCHED) assert.deepEqual(redactor().argv(words), words);
  });
});
