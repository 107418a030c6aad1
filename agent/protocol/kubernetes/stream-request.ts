// SPDX-License-Identifier: Apache-2.0

/** What a stream was opened for: exec, attach or portforward, out of the upgrade that asked for it. */
import type { Agreement, CarriedCredential } from '../decoder.ts';
import { type RequestInfo, requestInfo } from './request-info.ts';
import { resourceOf, wordingOf } from './wording.ts';

export interface StreamRequest {
  readonly info: RequestInfo;
  /** exec, attach, portforward. */
  readonly operation: string;
  readonly target: string;
  readonly resource: string;
  readonly statement: string;
  readonly statementShape: string;
  readonly parameters: string;
  readonly isTerminal: boolean;
  /** Of a port-forward, where the request names them; over SPDY streams do. */
  readonly ports: readonly string[];
  /** What the upgrade was asked with. */
  readonly credential: CarriedCredential | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

const STREAMS = new Set(['exec', 'attach', 'portforward']);
const SHOWN: Readonly<Record<string, string>> = {
  'user-agent': 'user_agent',
  'impersonate-user': 'k8s_impersonate_user',
  'impersonate-uid': 'k8s_impersonate_uid',
};
/** Arguments that are shown; a command has rarely ten. */
const ARGUMENTS_MAX = 10_000;
/** A channel's number is one byte, and each port has two. */
const PORTS_MAX = 128;

/** Undefined when it is none of the three. */
export function streamRequest(agreement: Agreement): StreamRequest | undefined {
  const { method, authority, path, requestFields } = agreement;
  const [asked = '', search = ''] = path.split('?', 2);
  const query = new URLSearchParams(search);
  // In HTTP/2 an upgrade is an extended CONNECT, which stands for GET (RFC 8441, section 4).
  const info = requestInfo(method === 'CONNECT' ? 'GET' : method, asked, {});
  if (info === undefined || info.resource !== 'pods' || info.group !== '' || !STREAMS.has(info.subresource))
    return undefined;
  const command = query.getAll('command').slice(0, ARGUMENTS_MAX);
  const container = query.get('container') ?? '';
  const user = requestFields.find(([name]) => name === 'impersonate-user')?.[1] ?? '';
  const plain = { ...info, subresource: '' };
  const wording = wordingOf(info.subresource, plain, info.name, asked, {
    query: {},
    dryRun: '',
    impersonatedUser: user,
  });
  const attributes: Record<string, string> = {
    k8s_version: info.version,
    k8s_resource: info.resource,
    k8s_subresource: info.subresource,
    k8s_namespace: info.namespace,
    k8s_name: info.name,
    k8s_verb: info.verb,
  };
  if (container !== '') attributes['k8s_container'] = container;
  for (const [name, value] of requestFields) {
    const shown = SHOWN[name];
    if (shown !== undefined) attributes[shown] ??= value;
  }
  const subprotocol =
    answeredField(agreement, 'sec-websocket-protocol') || answeredField(agreement, 'x-stream-protocol-version');
  if (subprotocol !== '') attributes['k8s_stream_protocol'] = subprotocol;
  const audited = answeredField(agreement, 'audit-id');
  if (audited !== '') attributes['k8s_audit_id'] = audited;
  const isTerminal = isSet(query.get('tty'));
  if (isTerminal) attributes['tty'] = 'true';
  const inContainer = container === '' ? '' : ` -c ${container}`;
  return {
    info,
    operation: info.subresource,
    target: authority,
    resource: resourceOf(info, info.name, asked),
    statement: `${wording.statement}${inContainer}${command.length > 0 ? ` -- ${command.map(quoted).join(' ')}` : ''}`,
    statementShape: `${wording.shape}${container === '' ? '' : ' -c ?'}${shapeOf(command)}`,
    parameters: parametersOf(query, command),
    isTerminal,
    ports: portsOf(query),
    credential: agreement.credential,
    attributes,
  };
}

/** A field of the answer that granted the upgrade; '' when it is not there. */
export function answeredField({ responseFields }: Agreement, name: string): string {
  return responseFields.find(([one]) => one === name)?.[1] ?? '';
}

/** `ports=80&ports=443` or `ports=80,443`. */
function portsOf(query: URLSearchParams): string[] {
  const said = query.getAll('ports').flatMap((some) => some.split(','));
  return said.slice(0, PORTS_MAX).map((port) => port.slice(0, 16));
}

const isSet = (value: string | null): boolean => value !== null && value !== '0' && value !== 'false';

/** The program stays; what it is told are values. */
function shapeOf([program, ...others]: readonly string[]): string {
  if (program === undefined) return '';
  return ` -- ${quoted(program)}${others.length > 0 ? ' ?' : ''}`;
}

/** As a person would type it for a shell. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

function parametersOf(query: URLSearchParams, command: readonly string[]): string {
  const said: Record<string, string | readonly string[]> = command.length > 0 ? { command } : {};
  for (const name of ['container', 'stdin', 'stdout', 'stderr', 'tty', 'ports']) {
    const value = query.get(name);
    if (value !== null) said[name] = value;
  }
  return Object.keys(said).length === 0 ? '' : JSON.stringify(said);
}
