// SPDX-License-Identifier: Apache-2.0

/** Texts of every kind, with the secrets in them between « and », and texts that must stay as they are. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertText, markOf, redactor } from './testing/marked.ts';

const JWT = 'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJhIiwic3ViIjoiYiJ9.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4';
const BASIC = Buffer.from('alice:hunter22').toString('base64');
const HEX_64 = '0123456789abcdef'.repeat(4);

const FOUND: Readonly<Record<string, readonly string[]>> = {
  'headers of HTTP': [
    'Authorization: Bearer «abcDEF1234567890abcdef»\r\nAccept: */*',
    `Authorization: Bearer «${JWT}»`,
    `Authorization: Basic «${BASIC}»`,
    `proxy-authorization: basic «${BASIC}»`,
    'Authorization: «0123456789abcdef0123456789abcdef»',
    'Authorization: Digest «username="a", realm="b", nonce="c", response="0123456789abcdef"»\r\nHost: x',
    'Authorization: AWS4-HMAC-SHA256 «Credential=AKIDEXAMPLE/20260101/eu/s3/aws4_request, Signature=abcdef0123456789»',
    'Authorization: SharedKey «account:qUoZ2c2d0nGg9yTn2n0s1A5x0hQJ9T0l0r4bX3y8zvM=»',
    'Cookie: «session=0123456789; theme=dark»\r\nHost: x',
    'Set-Cookie: «sid=38afes7a8»; HttpOnly; Path=/',
    'X-Api-Key: «k-1234-abcd»',
    'Ocp-Apim-Subscription-Key: «0123abcd4567efgh»',
    'X-Auth-Token: «9f86d081884c7d659a2feaa0c55ad015»',
    'X-IDENTITY-HEADER: «853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a»',
    'X-Amz-Security-Token: «IQoJb3JpZ2luX2VjEJ»',
  ],
  URLs: [
    'postgres://app:«s3cr3t»@db/app',
    'https://alice:«hunter2»@example.net/x?y=1',
    'redis://:«hunter2»@cache:6379/0',
    'mongodb+srv://u:«pa:ss»@cluster.example.net/db',
    'postgres://u:«a/b»@db/app',
    'https://«ghp_0123456789abcdefghijABCDEFGHIJ012345»@github.com/a/b.git',
    'GET /a?access_token=«abc123def456ghi7»&x=1',
    'https://x/y?sv=2022&se=2026&sig=«abcDEF%2Bxyz0123456789%3D»',
    'https://x/?api_key=«1234567890abcdef»&q=a',
    'https://x/?X-Amz-Signature=«0123456789abcdef0123456789abcdef»',
    'https://x/cb?code=«0.AXoAabcdefghijklmnop0123456789»&state=1',
    'https://x/?password=«hunter2»#fragment',
    'https://x/?token=«0123456789abcdefXYZ»',
  ],
  'JSON and its relatives': [
    '{"password":"«hunter2»","user":"bob"}',
    '{ "client_secret" : "«abc~DEF.123»" }',
    '{"accessToken":"«abcdefabcdef»","expires_in":3600}',
    '{"a":"{\\"password\\":\\"«hunter2»\\"}"}',
    '{"api_key": "«abc»", "nested": {"db": {"passwd": "«x y z»"}}}',
    '{"password": «12345»}',
    '{"password":"«cut off»',
    "{'password': '«hunter2»'}",
    '{"env":[{"name":"DB_PASSWORD","value":"«hunter2»"}]}',
    '- name: DB_PASSWORD\n  value: «hunter2»\n',
    '{"Authorization":"Bearer «abcdefgh12345678»"}',
    `{"auths":{"registry.example.net":{"auth":"«${BASIC}»"}}}`,
  ],
  forms: [
    'grant_type=client_credentials&client_id=a&client_secret=«abc123»&scope=x',
    'username=bob&password=«hun%26ter2»',
    "user=bob&password=«it's(a)!»&submit=1",
    'assertion=«abcdefabcdef0123456789»&x=1',
    `client_assertion=«${JWT}»&x=1`,
    'refresh_token=«0.AXoA12345»',
  ],
  'connection strings': [
    'host=db user=app password=«hunter2» dbname=x',
    "host=db user=app password='«hunt er2»' dbname=x",
    'Server=tcp:x,1433;User ID=a;Password=«hunter2»;Encrypt=True',
    'Server=x;Uid=a;Pwd=«hun;ter2»;Encrypt=True',
    'AccountName=a;AccountKey=«abcd0123+/abcd==»;EndpointSuffix=core.windows.net',
    'Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=«abcd0123+/abcd==»',
    'jdbc:postgresql://h/db?user=a&password=«hunter2»',
  ],
  'environments and settings': [
    'PGPASSWORD=«hunter2» psql -h x',
    'export DB_PASSWORD=«hunter2»',
    'export DB_PASSWORD="«hunter2»"\n',
    '  password: «hunter2»\n  user: a',
    'password = «hunter2»\n',
    'spring.datasource.password=«hunter2»',
    'MY_TOKEN=«whatever»',
    'IDENTITY_HEADER=«853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a»',
    'aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»',
    '//registry.example.net/:_authToken=«npm_0123456789abcdefghijABCDEFGHIJ012345»',
    'machine example.net login bob password «hunter2»',
  ],
  'command lines in a text': [
    'curl -u alice:«hunter2» https://x',
    "curl -H 'Authorization: Bearer «abcdef0123456789»' https://x",
    'mysql -p«hunter2» -h x',
    '--password «hunter2» --user x',
    '--password=«hunter2» --user x',
  ],
  'JSON Web Tokens': [`«${JWT}»`, `the token «${JWT}», said he`, `{"x":"«${JWT}»"}`],
  'private keys': [
    '«-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----»\nafter',
    '«-----BEGIN PRIVATE KEY-----\\nMIIEow\\n-----END PRIVATE KEY-----»',
    '«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----»',
    '«-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK-----»',
    '«-----BEGIN EC PRIVATE KEY-----\ncut off»',
    `«${Buffer.from('-----BEGIN PRIVATE KEY-----\nMIIEow').toString('base64')}»`,
  ],
  'keys that issuers give': [
    'key is «AKIAIOSFODNN7EXAMPLE».',
    'key is «ASIAIOSFODNN7EXAMPLE».',
    'see «github_pat_11ABCDEFG0abcdefghijkl_0123456789»',
    'see «gho_0123456789abcdefghijABCDEFGHIJ012345»',
    'see «glpat-abcdefghij0123456789»',
    'see «xoxb-1234567890-abcdefghij»',
    'https://hooks.slack.com/services/«T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX»',
    'see «AIzaSyA0123456789abcdefghijklmnopqrstuv»',
    'see «ya29.a0AfH6SMBabcdefghijklmnop»',
    'see «sk_live_0123456789abcdefABCDEF»',
    'see «rk_test_0123456789abcdefABCDEF»',
    'see «sk-proj-abcdefghijklmnop0123456789»',
    'see «hf_abcdefghijklmnopqrstuvwxyz012345»',
    'see «npm_0123456789abcdefghijABCDEFGHIJ012345»',
    `see «pypi-AgEIcHlwaS5vcmc${'CJDAwMDAw'.repeat(6)}»`,
    'see «hvs.CAESIJ0123456789abcdefABCDEF»',
    `see «dop_v1_${HEX_64}»`,
    'see «dapi0123456789abcdef0123456789abcdef»',
    'see «SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG»',
    // A client secret of Microsoft Entra.
    'see «Abc8Q~0123456789abcdefghijABCDEFGHIJ01234»',
  ],
};

const UNTOUCHED: Readonly<Record<string, readonly string[]>> = {
  prose: [
    'the token is expired',
    'password: must be changed',
    'Basic authentication is required',
    'Bearer of good news',
    'authorization header is missing',
    'basic research, and risk-averse-and-very-long-words-go-here',
    'tests pass: 12',
    'curl -u alice https://x',
    'docker run -p 8080:80',
    'mysql -P 3306 -h x',
  ],
  placeholders: [
    'password=$1',
    'password=***',
    `password=$\{DB_PASSWORD}`,
    '{"password":null}',
    '{"password":true}',
    '{"password":"***"}',
    'password: <password>',
    'password=',
    'password',
    'Authorization: none',
    'https://x/?q=password',
  ],
  'names that only look like those of secrets': [
    'next_token=abcdefghijkl012345678',
    '{"nextPageToken":"CAESBwoDZm9vEAE0123456789"}',
    '{"max_tokens":4096,"total_tokens":120}',
    'compass=north',
    'secret santa',
    'tokenizer=fast',
    'secret_name=db',
    'key_id=1',
    'author=bob',
    'sort=asc',
    'password_changed_at=2026-01-01T00:00:00',
  ],
  'places of secrets': ['PWD=/home/user', 'PASSWORD_FILE=/run/secrets/db', 'password=/run/secrets/db'],
  code: ['password = os.environ["X"]', 'f(password=password)', 'def login(user, password):', 'if password == None:'],
  'URLs without a secret': [
    'https://example.net:8080/a@b',
    'https://[::1]:8080/a@b',
    'git@github.com:a/b.git',
    'mailto:alice@example.net',
    'https://x/?code=404',
    'https://x/?key=name',
  ],
  'keys that are public': [
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----',
    'id=550e8400-e29b-41d4-a716-446655440000',
    'eyJhbGciOiJIUzI1NiJ9',
  ],
  'what was redacted before': [
    '{"password":"[redacted:0123456789ab]"}',
    `Authorization: Bearer [token:${HEX_64}]`,
    `see [token:${HEX_64}]`,
    'https://[redacted:0123456789ab]@github.com/a/b.git',
    'curl -u [redacted:0123456789ab] https://x',
  ],
};

describe('secrets in texts', () => {
  for (const [kind, cases] of Object.entries(FOUND)) {
    it(`are found in ${kind}`, () => {
      for (const marked of cases) assertText(marked);
    });
  }
  for (const [kind, texts] of Object.entries(UNTOUCHED)) {
    it(`are not seen in ${kind}`, () => {
      for (const text of texts) assert.equal(redactor().text(text), text);
    });
  }

  it('have one mark however they are written', () => {
    const secret = 'p@ss/wörd "1"';
    const texts = [
      `postgres://app:${encodeURIComponent(secret)}@db/app`,
      JSON.stringify({ password: secret }),
      JSON.stringify({ body: JSON.stringify({ password: secret }) }),
      JSON.stringify({ password: secret }).replaceAll('ö', '\\u00f6'),
      `password='${secret}' `,
    ];
    for (const text of texts) {
      assert.ok(redactor().text(text).includes(markOf(secret)), text);
      assert.ok(Buffer.from(redactor().bytes(Buffer.from(text))).includes(markOf(secret)), text);
    }
  });
});
