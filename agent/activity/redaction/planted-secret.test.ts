// SPDX-License-Identifier: Apache-2.0

/** A random secret in every container that we know, written as the container's own rules want it: it never comes out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mcp } from '../../protocol/mcp/mcp.ts';
import { runScript } from '../../protocol/testing/run-script.ts';
import { exchangeOf, redactor } from './testing/marked.ts';

/** Printable ASCII; a letter and a digit in it, so that it is no placeholder, and no path or address. */
const passwords = fc
  .tuple(
    fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'),
    fc.constantFrom(...'0123456789'),
    fc.string({ unit: 'grapheme-ascii', minLength: 6, maxLength: 60 }),
    fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'),
  )
  .map((parts) => parts.join(''));
/** What headers, environments and words without quotes can hold. */
const words = fc.stringMatching(/^[A-Za-z][0-9][A-Za-z0-9._~+-]{8,60}$/);

const json = JSON.stringify;
const inJson = (secret: string): string => json(secret).slice(1, -1);
const sqlQuoted = (secret: string): string => `'${secret.replaceAll("'", "''")}'`;
const shellQuoted = (secret: string): string => `'${secret.replaceAll("'", `'\\''`)}'`;
const url = encodeURIComponent;
const basic = (secret: string): string => Buffer.from(`alice:${secret}`).toString('base64');

/** How it is written, and what of it must not be seen. */
interface Container {
  readonly secrets: fc.Arbitrary<string>;
  readonly plant: (secret: string) => string;
  readonly written: (secret: string) => string;
}

const any = (plant: (secret: string) => string, written: (secret: string) => string): Container => ({
  secrets: passwords,
  plant,
  written,
});
const word = (plant: (secret: string) => string, written = (secret: string) => secret): Container => ({
  secrets: words,
  plant,
  written,
});

/** As Entra's refresh tokens: long, and no JWT. */
const opaque = (plant: (secret: string) => string): Container => ({
  ...word(plant),
  secrets: fc.stringMatching(/^[01]\.A[A-Za-z0-9]{20}[A-Za-z0-9_-]{40,100}$/),
});

const TEXTS: Readonly<Record<string, Container>> = {
  'a field of JSON': any((s) => json({ user: 'bob', password: s, more: [1, { a: null }] }), inJson),
  'a field of JSON, printed with indents': any((s) => json({ a: { client_secret: s, b: 1 } }, null, 2), inJson),
  'JSON in JSON': any(
    (s) => json({ body: json({ api_key: s }) }),
    (s) => inJson(inJson(s)),
  ),
  'an environment of a container': any((s) => json({ env: [{ name: 'DB_PASSWORD', value: s }] }), inJson),
  'a form': any((s) => `user=bob&password=${url(s)}&submit=1`, url),
  'a parameter of a URL': any((s) => `GET https://example.net/x?a=1&client_secret=${url(s)}&b=2`, url),
  'userinfo of a URL': any((s) => `fetch postgres://app:${url(s)}@db.example.net:5432/app?x=1 now`, url),
  'a header with a bearer token': word((s) => `GET / HTTP/1.1\r\nAuthorization: Bearer ${s}\r\nAccept: */*\r\n\r\n`),
  'a header with basic credentials': any((s) => `Authorization: Basic ${basic(s)}\r\n`, basic),
  'a header of a proxy': any((s) => `Proxy-Authorization: Basic ${basic(s)}\r\n`, basic),
  'a header with a key': word((s) => `X-Api-Key: ${s}\r\nAccept: */*`),
  'a cookie': word((s) => `Cookie: theme=dark; sid=${s}\r\n`),
  'a cookie that is set': word((s) => `Set-Cookie: sid=${s}; Path=/; HttpOnly`),
  'headers in JSON': word((s) => json({ headers: { authorization: `Bearer ${s}`, 'x-api-key': s } })),
  'an environment': word((s) => `HOME=/root\nDB_PASSWORD=${s}\nLANG=C\n`),
  'a quoted environment': any(
    (s) => `export DB_PASSWORD="${s.replaceAll(/["\\$`]/g, '\\$&')}"\n`,
    (s) => s.replaceAll(/["\\$`]/g, '\\$&'),
  ),
  'the answer of a token endpoint': word((s) =>
    json({ token_type: 'Bearer', expires_in: 3599, access_token: s, refresh_token: s, id_token: s }),
  ),
  'the answer of a managed identity': word((s) => json({ access_token: s, expires_on: '1795366936', resource: 'x' })),
  'a credential of a Kubernetes plugin': opaque((s) => json({ kind: 'ExecCredential', status: { token: s } })),
  'tokens of further tenants': opaque((s) => `x-ms-authorization-auxiliary: Bearer ${s}, Bearer ${s}\r\nAccept: */*`),
  'a request for a token': opaque((s) => `grant_type=x&client_assertion=${s}&assertion=${s}&scope=y`),
  'an assertion of SAML': opaque((s) => `SAMLResponse=PHNhbWw${s}&RelayState=x`),
  'arguments of a tool': any(
    (s) => json({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 't', arguments: { password: s } } }),
    inJson,
  ),
  'arguments of a tool, in an environment': any(
    (s) =>
      json({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 't', arguments: { env: { DB_PASSWORD: s } } },
      }),
    inJson,
  ),
  'the result of a tool': any(
    (s) => json({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: json({ api_key: s }) }] } }),
    (s) => inJson(inJson(s)),
  ),
  'a setting of YAML': any((s) => `db:\n  user: a\n  password: ${json(s)}\n`, inJson),
  'a setting of TOML': any((s) => `[db]\npassword = ${json(s)}\n`, inJson),
  'a connection string': word((s) => `host=db user=app password=${s} dbname=x`),
  'a connection string of ADO.NET': word((s) => `Server=tcp:x,1433;User ID=a;Password=${s};Encrypt=True`),
  'a key of an issuer': { ...word((s) => `use ${s} here`), secrets: fc.stringMatching(/^ghp_[A-Za-z0-9]{36}$/) },
};

const COMMANDS: Readonly<Record<string, (secret: string) => readonly string[]>> = {
  'an option and its word': (s) => ['app', '--password', s, '--verbose'],
  'an option with a sign': (s) => ['app', `--db-password=${s}`],
  'an assignment': (s) => ['env', `API_SECRET=${s}`, 'app'],
  'mysql -p': (s) => ['mysql', '-u', 'root', `-p${s}`, 'db'],
  'curl -u': (s) => ['curl', '-u', `alice:${s}`, 'https://example.net'],
  'curl -H': (s) => ['curl', '-H', `Authorization: Basic ${basic(s)}`, 'https://example.net'],
  'curl -d': (s) => ['curl', '-d', json({ password: s }), 'https://example.net'],
  'SQL of psql': (s) => ['psql', '-c', `ALTER ROLE bob PASSWORD ${sqlQuoted(s)}`],
  'a connection string': (s) => ['psql', `postgres://bob:${url(s)}@db/app`],
  'a script': (s) => ['sh', '-c', `PGPASSWORD=${shellQuoted(s)} psql -h db; exit 0`],
  'a command in a script': (s) => ['bash', '-c', `echo a && mysql -p${shellQuoted(s)} db | wc -l`],
  'a command for another host': (s) => ['ssh', 'db', `app --password ${shellQuoted(s)}`],
};

const STATEMENTS: Readonly<Record<string, (literal: string) => string>> = {
  'ALTER ROLE': (l) => `ALTER ROLE bob WITH LOGIN PASSWORD ${l}`,
  'CREATE USER MAPPING': (l) => `CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password ${l})`,
  INSERT: (l) => `INSERT INTO users (name, password, note) VALUES ('a', ${l}, 'b')`,
  'INSERT of several rows': (l) => `INSERT INTO users (name, password) VALUES ('a', 'b1b1b1'), ('c', ${l})`,
  UPDATE: (l) => `UPDATE users SET name = 'a', password = ${l} WHERE id = 7`,
  'UPDATE of a list': (l) => `UPDATE users SET (name, password) = ('a', ${l}) WHERE id = 7`,
  'a comparison': (l) => `SELECT * FROM users u WHERE u.name = 'a' AND u.password = ${l}`,
  'a list of values': (l) => `SELECT 1 FROM users WHERE password NOT IN ('a', ${l})`,
  'a function': (l) => `SELECT pgp_sym_decrypt(data, ${l}) FROM t`,
  'a setting': (l) => `SELECT set_config('app.api_key', ${l}, true)`,
  'a body': (l) => `DO $body$ BEGIN UPDATE users SET password = ${l}; END $body$`,
};

describe('a planted secret', () => {
  for (const [name, { secrets, plant, written }] of Object.entries(TEXTS)) {
    it(`does not come out of ${name}`, () => {
      fc.assert(
        fc.property(secrets, (secret) => {
          const text = plant(secret);
          assert.ok(text.includes(written(secret)));
          const clean = redactor().text(text);
          assert.ok(!clean.includes(written(secret)) && !clean.includes(secret), clean);
          const payload = Buffer.from(redactor().bytes(Buffer.from(text))).toString();
          assert.ok(!payload.includes(written(secret)) && !payload.includes(secret), payload);
        }),
      );
    });
  }
  for (const [name, plant] of Object.entries(COMMANDS)) {
    it(`does not come out of a command: ${name}`, () => {
      fc.assert(
        fc.property(passwords, (secret) => {
          const clean = redactor().argv(plant(secret)).join('\n');
          for (const seen of [secret, inJson(secret), url(secret), sqlQuoted(secret), shellQuoted(secret)]) {
            assert.ok(!clean.includes(seen), clean);
          }
        }),
      );
    });
  }
  for (const [name, plant] of Object.entries(STATEMENTS)) {
    it(`does not come out of SQL: ${name}`, () => {
      fc.assert(
        fc.property(passwords, (secret) => {
          const statement = plant(sqlQuoted(secret));
          const message = `near ${secret}`;
          const clean = redactor().exchange('postgresql', exchangeOf({ statement, errorMessage: message }));
          assert.ok(!clean.statement.includes(secret.replaceAll("'", "''")), clean.statement);
          assert.ok(!clean.errorMessage.includes(secret), clean.errorMessage);
        }),
      );
    });
  }
  it('does not come out of a call of MCP, as it is recorded', () => {
    fc.assert(
      fc.property(passwords, fc.nat({ max: 1100 }), (secret, before) => {
        const call = {
          name: 't',
          arguments: { note: 'x'.repeat(before), password: secret, more: [{ api_key: secret }] },
        };
        const said = (from: 'client' | 'server', message: object) =>
          ({ kind: 'bytes', from, bytes: Buffer.from(`${json({ jsonrpc: '2.0', id: 1, ...message })}\n`) }) as const;
        const answer = { result: { content: [{ type: 'text', text: json({ client_secret: secret }) }] } };
        const { exchanges } = runScript(mcp, [
          said('client', { method: 'tools/call', params: call }),
          said('server', answer),
        ]);
        assert.equal(exchanges.length, 1);
        for (const exchange of exchanges) {
          const { request, response, ...words } = redactor().exchange('mcp', exchange);
          const all = [json(words), ...[request, response].map((bytes) => Buffer.from(bytes).toString())].join('\n');
          for (const seen of [inJson(secret), inJson(inJson(secret))]) assert.ok(!all.includes(seen), all);
        }
      }),
    );
  });
  it('does not come out of a language that nobody knows, among bytes that are no text', () => {
    const containers = Object.values(TEXTS).map(({ secrets, plant }) =>
      secrets.map((secret) => [secret, plant(secret)]),
    );
    const statements = Object.values(STATEMENTS).map((plant) =>
      words.map((secret) => [secret, plant(sqlQuoted(secret))]),
    );
    const binary = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from([...bytes, 0xff, 0]));
    fc.assert(
      fc.property(fc.oneof(...containers, ...statements), binary, binary, ([secret, text], before, behind) => {
        const bytes = Buffer.concat([before, Buffer.from(text as string), behind]);
        const clean = Buffer.from(redactor().unknown(bytes)).toString('latin1');
        assert.ok(!clean.includes(secret as string), clean);
      }),
    );
  });
});
