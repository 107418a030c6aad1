// SPDX-License-Identifier: Apache-2.0

/**
 * Requests that a tricked program makes, with all else right: the process, the secret, the resource. Nothing but the shape
 * stands between them and a token, so that each row shows what the shape is worth.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RefusalReason } from '../../../../agent/broker/refusal.ts';
import type { Attack } from '../attack.ts';
import type { Asked, Scene } from '../scene.ts';

type Shape = readonly [
  name: string,
  reason: RefusalReason | readonly RefusalReason[],
  asked: (scene: Scene) => Asked | string,
];

const header =
  (...headers: readonly string[]) =>
  (): Asked => ({ headers });
const host =
  (name: string) =>
  ({ stage }: Scene): Asked => ({ host: name.replace('PORT', String(stage.port)) });
const target = (scene: Scene, more = ''): string =>
  `/msi/token?api-version=2019-08-01&resource=${encodeURIComponent(scene.resource)}${more}`;

/** A whole request follows a body: whoever takes the one for a part of the other is led astray. */
const smuggled =
  (headers: readonly string[], body: string) =>
  (scene: Scene): string =>
    scene.request({ method: 'POST', headers, body: body + scene.request() });

const SHAPES: readonly Shape[] = [
  ['X-Forwarded-For', 'forwarded_request', header('X-Forwarded-For: 10.0.0.1')],
  ['X-Forwarded-Host', 'forwarded_request', header('X-Forwarded-Host: vault.example')],
  ['Forwarded', 'forwarded_request', header('Forwarded: for=10.0.0.1')],
  ['Via', 'forwarded_request', header('Via: 1.1 proxy')],
  ['X-Real-IP', 'forwarded_request', header('X-Real-IP: 10.0.0.1')],
  ['Proxy-Connection', 'forwarded_request', header('Proxy-Connection: keep-alive')],
  ['Host of another name', 'wrong_host', host('rebound.example:PORT')],
  ['Host without a port', 'wrong_host', host('127.0.0.1')],
  ['Host in decimal', 'wrong_host', host('2130706433:PORT')],
  ['Host in hexadecimal', 'wrong_host', host('0x7f000001:PORT')],
  ['Host in octal', 'wrong_host', host('0177.0.0.1:PORT')],
  ['Host shortened', 'wrong_host', host('127.1:PORT')],
  ['Host of IPv6', 'wrong_host', host('[::ffff:127.0.0.1]:PORT')],
  ['Host twice', ['wrong_host', 'malformed_request'], header('Host: 127.0.0.1')],
  ['POST', 'method_not_allowed', () => ({ method: 'POST', headers: ['Content-Length: 0'] })],
  ['PUT', 'method_not_allowed', () => ({ method: 'PUT', headers: ['Content-Length: 0'] })],
  ['OPTIONS', 'method_not_allowed', () => ({ method: 'OPTIONS' })],
  ['HEAD', 'method_not_allowed', () => ({ method: 'HEAD' })],
  ['CONNECT', 'malformed_request', ({ stage }) => ({ method: 'CONNECT', target: `127.0.0.1:${stage.port}` })],
  ['Origin', 'browser_request', header('Origin: https://page.example')],
  ['Referer', 'browser_request', header('Referer: https://page.example/')],
  ['Cookie', 'browser_request', header('Cookie: a=b')],
  ['Sec-Fetch-Site', 'browser_request', header('Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Site: cross-site')],
  ['absolute target', 'unknown_path', (scene) => ({ target: `http://127.0.0.1:${scene.stage.port}${target(scene)}` })],
  ['absolute target of another host', 'unknown_path', (scene) => ({ target: `http://vault.example${target(scene)}` })],
  ['path with dots', 'unknown_path', (scene) => ({ target: `/x/..${target(scene)}` })],
  ['path twice encoded', 'unknown_path', (scene) => ({ target: target(scene).replace('msi', '%6dsi') })],
  ['two Content-Length', 'malformed_request', smuggled(['Content-Length: 4', 'Content-Length: 0'], 'abcd')],
  [
    'Content-Length and chunks',
    'malformed_request',
    smuggled(['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  ],
  [
    'chunks in a doubtful spelling',
    ['malformed_request', 'method_not_allowed'],
    smuggled(['Transfer-Encoding: xchunked'], '0\r\n\r\n'),
  ],
  ['a body with GET', 'malformed_request', () => ({ headers: ['Content-Length: 4'], body: 'abcd' })],
  ['line break in the resource', 'resource_malformed', (scene) => ({ resource: `${scene.resource}\r\nX-Injected: 1` })],
  [
    'line break in the client id',
    'other_identity_requested',
    (scene) => ({ target: target(scene, '&client_id=a%0d%0aX-Injected:%201') }),
  ],
  [
    'resource twice',
    'parameter_repeated',
    (scene) => ({ target: target(scene, '&resource=https%3A%2F%2Fother.example') }),
  ],
  ['folded header', 'malformed_request', header('X-One: 1', ' Metadata: true')],
  [
    'header with a bare line feed',
    'malformed_request',
    (scene) => scene.request().replace('\r\nConnection', '\nConnection'),
  ],
  ['HTTP/0.9', 'wrong_host', (scene) => `GET ${target(scene)}\r\n\r\n`],
  ['HTTP/2 by prior knowledge', 'malformed_request', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
  ['a TLS hello', 'malformed_request', () => '\x16\x03\x01\0\x05\x01\0\0\x01\x03'],
];

const byShape: readonly Attack[] = SHAPES.map(([name, reason, asked]) => ({
  name: `shape: ${name}`,
  about: 'from the right process with the right secret, in a shape that no SDK has',
  expect: 'nothing',
  reasons: typeof reason === 'string' ? [reason] : reason,
  play: async (scene) => {
    const made = asked(scene);
    const input = typeof made === 'string' ? made : scene.request(made);
    await scene.inWorkload('victim', [scene.stage.ask, String(scene.stage.port)], { input }).ended;
  },
}));

/** A workload that fetches what it is told, and follows where that leads. */
async function follow(scene: Scene, workload: 'victim' | 'metadata', location: string): Promise<void> {
  const server = createServer((_, response) => response.writeHead(302, { location }).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const command = scene.python('fetch', `http://127.0.0.1:${port}/picture.png`);
    await scene.inWorkload(workload, command).ended;
  } finally {
    server.close();
  }
}

/** The exchange's credentials are never handed out, whatever they are called. */
const EXCHANGE = [
  'api://AzureADTokenExchange',
  'api://azureadtokenexchange/',
  'api://AzureADTokenExchange/.default',
  'AzureADTokenExchange',
  'api://AzureADTokenExchangeUSGov',
  'fb60f99c-7a34-4190-8149-302f77469936',
  'api://FB60F99C-7A34-4190-8149-302F77469936',
  'fb60f99c-7a34-4190-8149-302f77469936/',
] as const;

const exchange: readonly Attack[] = [
  ...EXCHANGE.map((resource): readonly [string, readonly RefusalReason[]] => [resource, ['token_exchange_resource']]),
  // Another spelling is the name of no resource, or of none that a policy allows.
  ...['api:// AzureADTokenExchange', 'api://%41zureADTokenExchange', 'API:/AzureADTokenExchange'].map(
    (resource): readonly [string, readonly RefusalReason[]] => [
      resource,
      ['resource_malformed', 'resource_not_allowed', 'token_exchange_resource'],
    ],
  ),
].map(([resource, reasons]) => ({
  name: `exchange: ${resource}`,
  about: 'the credential with which one becomes another identity, asked for as a resource',
  expect: 'nothing',
  reasons,
  play: async (scene) => {
    const input = scene.request({ resource });
    await scene.inWorkload('victim', [scene.stage.ask, String(scene.stage.port)], { input }).ended;
  },
}));

export const REQUEST_SHAPES: readonly Attack[] = [
  ...byShape,
  {
    name: 'redirect: to App Service',
    about: 'a program that fetches a URL is led to the broker by a redirect',
    ...{ expect: 'nothing', reasons: ['secret_missing'] },
    play: (scene) => follow(scene, 'victim', `http://127.0.0.1:${scene.stage.port}${target(scene)}`),
  },
  {
    name: 'redirect: to IMDS',
    about: 'the same to the metadata endpoint, which knows no secret',
    ...{ expect: 'nothing', reasons: ['metadata_header_missing'] },
    limit:
      'A workload that is tricked into sending headers of the attacker’s choice sends Metadata: true too: a policy has to ' +
      'allow imds, and is better off with App Service, whose secret the attacker does not know.',
    play: (scene) => {
      const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${encodeURIComponent(scene.resource)}`;
      return follow(scene, 'metadata', `http://169.254.169.254${path}`);
    },
  },
  {
    name: 'IMDS: its own',
    about: 'control: a workload whose policy allows imds, with the header',
    ...{ expect: 'own', reasons: [], own: 'metadata' },
    play: async (scene) => {
      const command = [scene.stage.ask, String(scene.stage.metadataPort)];
      await scene.inWorkload('metadata', command, { input: scene.metadataRequest() }).ended;
    },
  },
  {
    name: 'IMDS: without its header',
    about: 'without Metadata: true',
    ...{ expect: 'nothing', reasons: ['metadata_header_missing'] },
    play: async (scene) => {
      const command = [scene.stage.ask, String(scene.stage.metadataPort)];
      await scene.inWorkload('metadata', command, { input: scene.metadataRequest([]) }).ended;
    },
  },
  {
    name: 'IMDS: a policy without it',
    about: 'a workload whose policy does not allow imds asks there, where no secret is needed',
    ...{ expect: 'nothing', reasons: ['interface_not_allowed'] },
    play: async (scene) => {
      const command = [scene.stage.ask, String(scene.stage.metadataPort)];
      await scene.inWorkload('victim', command, { input: scene.metadataRequest() }).ended;
    },
  },
  ...exchange,
];
