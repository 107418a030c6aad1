// SPDX-License-Identifier: Apache-2.0

/** First bytes of more languages that nobody decodes; see `recognise`. Each has to leave no doubt. */

type Signature = (client: Buffer, server: Buffer) => boolean;

const TEXT_BYTES_MAX = 256;
const text = (bytes: Buffer): string => bytes.toString('latin1', 0, TEXT_BYTES_MAX);
const begins = (bytes: Buffer, ...start: readonly number[]): boolean =>
  bytes.length >= start.length && start.every((byte, at) => bytes[at] === byte);

export type FurtherName =
  | 'imap'
  | 'pop3'
  | 'ldap'
  | 'rdp'
  | 'vnc'
  | 'mqtt'
  | 'nats'
  | 'memcached'
  | 'cassandra'
  | 'tds'
  | 'oracle'
  | 'bittorrent'
  | 'socks'
  | 'stun'
  | 'rsync'
  | 'git'
  | 'modbus'
  | 'zookeeper'
  | 'ssh-mux';

/** OpenSSH's PROTOCOL.mux, sections 1 and 2: a length, the number of a greeting, version 4; extensions may follow. */
const MUX_HELLO = Buffer.from('0000000100000004', 'hex');

function isMuxHello(bytes: Buffer): boolean {
  return bytes.length >= 12 && bytes.readUInt32BE(0) >= 8 && bytes[0] === 0 && bytes.subarray(4, 12).equals(MUX_HELLO);
}

export const FURTHER: readonly (readonly [FurtherName, Signature])[] = [
  // RFC 9051, section 7.1.
  ['imap', (_, server) => /^\* (?:OK|PREAUTH)[^\r\n]*IMAP/i.test(text(server))],
  // RFC 1939, section 4: +OK alone is said by others too.
  [
    'pop3',
    (client, server) =>
      /^\+OK\b/.test(text(server)) && /POP3|^\+OK <|Dovecot/i.test(text(server)) && !/^\*/.test(text(client)),
  ],
  ['ldap', (client) => isLdap(client)],
  // TPKT with a connection request of X.224 (MS-RDPBCGR, section 2.2.1.1).
  [
    'rdp',
    (client) =>
      begins(client, 3, 0) &&
      client.length >= 11 &&
      client.readUInt16BE(2) >= 11 &&
      client[5] === 0xe0 &&
      client[4] === client.readUInt16BE(2) - 5,
  ],
  // RFC 6143, section 7.1.1.
  ['vnc', (_, server) => /^RFB \d{3}\.\d{3}\n/.test(text(server))],
  // Both ends greet, the master first.
  ['ssh-mux', (client, server) => isMuxHello(client) && isMuxHello(server)],
  ['mqtt', (client) => isMqtt(client)],
  ['nats', (_, server) => /^INFO \{"/.test(text(server))],
  ['memcached', (client) => isMemcached(client)],
  // CQL binary protocol 3 to 5, section 2: OPTIONS and STARTUP come first.
  [
    'cassandra',
    (client) =>
      client.length >= 9 &&
      [3, 4, 5, 0x42].includes(client[0]!) &&
      (client[4] === 5 || client[4] === 1) &&
      client.readUInt16BE(2) < 64 &&
      client.readUInt32BE(5) <= (client[4] === 5 ? 0 : 1024),
  ],
  // MS-TDS, section 2.2.3.1: PRELOGIN, its first option (VERSION) behind five bytes for each.
  [
    'tds',
    (client) =>
      begins(client, 0x12) &&
      client.length >= 14 &&
      client.readUInt16BE(2) < 512 &&
      client[8] === 0 &&
      client.readUInt16BE(11) === 6,
  ],
  // TNS: length, checksum, CONNECT; the text behind it names what is wanted.
  [
    'oracle',
    (client) =>
      client.length >= 34 &&
      client[4] === 1 &&
      client.readUInt16BE(2) === 0 &&
      /\((?:DESCRIPTION|CONNECT_DATA)=/i.test(client.toString('latin1', 26, 512)),
  ],
  // BEP 3.
  ['bittorrent', (client) => text(client).startsWith('\x13BitTorrent protocol')],
  ['socks', (client, server) => isSocks(client, server)],
  // RFC 8489, section 5: the magic cookie.
  ['stun', (client) => client.length >= 20 && client[0]! < 0x40 && client.readUInt32BE(4) === 0x2112a442],
  ['rsync', (client, server) => /^@RSYNCD: \d+/.test(text(server)) || /^@RSYNCD: \d+/.test(text(client))],
  // gitprotocol-pack: a packet line with the service.
  ['git', (client) => /^[0-9a-f]{4}git-(?:upload-pack|receive-pack|upload-archive) /.test(text(client))],
  ['modbus', (client, server) => isModbus(client, server)],
  // ConnectRequest: protocol version 0, no transaction seen, a session of zeros with 16 bytes of password.
  [
    'zookeeper',
    (client) =>
      (begins(client, 0, 0, 0, 0x2c) || begins(client, 0, 0, 0, 0x2d)) &&
      client.length >= 48 &&
      client.readUInt32BE(4) === 0 &&
      client.readBigUInt64BE(8) === 0n &&
      client.readUInt32BE(28) === 16,
  ],
];

/** LDAPMessage: SEQUENCE, messageID 1, and a bind, a search or an extended request (RFC 4511, section 4.1.1). */
function isLdap(client: Buffer): boolean {
  if (client.length < 10 || client[0] !== 0x30) return false;
  const long = client[1]! & 0x80 ? client[1]! & 0x7f : 0;
  if (long > 4) return false;
  const at = 2 + long;
  return (
    client[at] === 2 && client[at + 1] === 1 && client[at + 2]! < 16 && [0x60, 0x63, 0x77].includes(client[at + 3]!)
  );
}

/** CONNECT with the protocol's name (MQTT 3.1.1 and 5, section 3.1). */
function isMqtt(client: Buffer): boolean {
  if (client[0] !== 0x10) return false;
  let at = 1;
  while (at < 5 && (client[at]! & 0x80) !== 0) at++;
  const name = client.toString('latin1', at + 1, at + 9);
  return name.startsWith('\0\x04MQTT') || name.startsWith('\0\x06MQIsdp');
}

/** Commands of the text protocol that no other has, and the header of the binary one. */
function isMemcached(client: Buffer): boolean {
  if (begins(client, 0x80) && client.length >= 24) {
    return client[5] === 0 && client.readUInt16BE(6) === 0 && client[1]! <= 0x22 && client.readUInt32BE(8) < 1 << 20;
  }
  return /^(?:gets? \S+|mg \S+(?: [a-z]\S*)*|(?:set|add|replace) \S+ \d+ -?\d+ \d+(?: noreply)?|stats(?: \w+)?|version)\r\n/.test(
    text(client),
  );
}

/** SOCKS 5: methods, and an answer that takes one of them (RFC 1928, section 3); SOCKS 4: CONNECT. */
function isSocks(client: Buffer, server: Buffer): boolean {
  if (client[0] === 4)
    return client.length >= 9 && client[1] === 1 && server[0] === 0 && server[1]! >= 0x5a && server[1]! <= 0x5d;
  if (client[0] !== 5 || client.length < 3 || client.length < 2 + client[1]!) return false;
  const methods = client.subarray(2, 2 + client[1]!);
  return server[0] === 5 && server.length >= 2 && (methods.includes(server[1]!) || server[1] === 0xff);
}

/** Question and answer of the same transaction and function; the protocol's number is 0 (Modbus over TCP, section 3.1.3). */
function isModbus(client: Buffer, server: Buffer): boolean {
  const looks = (bytes: Buffer): boolean =>
    bytes.length >= 9 && bytes.readUInt16BE(2) === 0 && bytes.readUInt16BE(4) >= 3 && bytes.readUInt16BE(4) <= 254;
  if (!looks(client) || !looks(server)) return false;
  const isWhole = client.length >= 6 + client.readUInt16BE(4);
  return (
    isWhole &&
    client.readUInt16BE(0) === server.readUInt16BE(0) &&
    client[7]! < 0x80 &&
    (server[7]! & 0x7f) === client[7]
  );
}
