// SPDX-License-Identifier: Apache-2.0

/**
 * Says why a connection did not come about. gRPC reports every such failure as "unavailable", with the cause somewhere in
 * a sentence; so the handshake is tried once more by hand, and its error has a code. Only after a failure, never before.
 */
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { DeliveryError, type DeliveryErrorCode } from '../delivery-error.ts';
import { splitAddress } from './address.ts';

export interface Probe {
  readonly collector: string;
  readonly context: SecureContext;
  readonly serverName: string | undefined;
  readonly timeoutMs: number;
}

const BY_CODE: Readonly<Record<string, DeliveryErrorCode>> = {
  ENOTFOUND: 'delivery_host_unknown',
  EAI_AGAIN: 'delivery_host_unknown',
  EAI_FAIL: 'delivery_host_unknown',
  ECONNREFUSED: 'delivery_unreachable',
  EHOSTUNREACH: 'delivery_unreachable',
  ENETUNREACH: 'delivery_unreachable',
  EHOSTDOWN: 'delivery_unreachable',
  ETIMEDOUT: 'delivery_unreachable',
  EACCES: 'delivery_unreachable',
  EPERM: 'delivery_unreachable',
  ERR_TLS_CERT_ALTNAME_INVALID: 'delivery_server_name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'delivery_not_a_collector',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'delivery_not_a_collector',
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: 'delivery_not_a_collector',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'delivery_not_a_collector',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'delivery_not_a_collector',
};

/** OpenSSL's words for a certificate that it does not believe, as Node gives them. */
const UNTRUSTED = /^(UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|CERT_|CRL_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH)/;
/** Alerts that the other end sends about our certificate. */
const OURS_REFUSED =
  /^ERR_SSL_.*ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|UNSUPPORTED_CERTIFICATE|HANDSHAKE_FAILURE|DECRYPT_ERROR|NO_CERTIFICATE)/;

/** The error of a failed handshake with its proper name; undefined when the handshake now succeeds. */
export async function diagnose(probe: Probe): Promise<DeliveryError | undefined> {
  const address = splitAddress(probe.collector);
  if (address === undefined) return new DeliveryError('delivery_host_unknown', `${probe.collector} is not host:port.`);
  const failure = await tryHandshake(address.host, address.port, probe);
  if (failure === undefined) return undefined;
  const { code = '', message } = failure;
  const named = BY_CODE[code] ?? bySort(code);
  // A reset right after the handshake is how some servers answer a certificate that they do not want.
  const kind = named ?? (failure.secure ? 'delivery_certificate_refused' : 'delivery_connection_lost');
  return new DeliveryError(kind, `${probe.collector}: ${message}.`, { cause: failure.cause });
}

function bySort(code: string): DeliveryErrorCode | undefined {
  if (UNTRUSTED.test(code)) return 'delivery_server_untrusted';
  if (OURS_REFUSED.test(code)) return 'delivery_certificate_refused';
  if (code.startsWith('ERR_SSL_') || code.startsWith('EPROTO')) return 'delivery_not_a_collector';
  return undefined;
}

interface Failure {
  readonly code: string | undefined;
  readonly message: string;
  /** After the handshake was done on our side: in TLS 1.3 the other end judges our certificate only then. */
  readonly secure: boolean;
  readonly cause: unknown;
}

function tryHandshake(host: string, port: number, probe: Probe): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    const tcp = connectTcp({ host, port });
    const servername = probe.serverName ?? host;
    let secure = false;
    const finish = (failure: Failure | undefined) => {
      clearTimeout(timer);
      tcp.destroy();
      resolve(failure);
    };
    const fail = (error: NodeJS.ErrnoException) =>
      finish({ code: error.code, message: error.message, secure, cause: error });
    const timer = setTimeout(
      () => finish({ code: 'ETIMEDOUT', message: `no answer in ${probe.timeoutMs} ms`, secure, cause: undefined }),
      probe.timeoutMs,
    );
    tcp.on('error', fail);
    tcp.on('connect', () => {
      const tls = connectTls({
        socket: tcp,
        secureContext: probe.context,
        servername: isIP(servername) === 0 ? servername : '',
        host: servername,
        ALPNProtocols: ['h2'],
      });
      tls.on('error', fail);
      tls.on('secureConnect', () => {
        secure = true;
        if (tls.alpnProtocol !== 'h2') {
          finish({ code: 'ERR_SSL_NO_H2', message: 'it does not speak HTTP/2', secure, cause: undefined });
        }
      });
      // An HTTP/2 server speaks first, once it has accepted us.
      tls.on('data', () => finish(undefined));
      tls.on('close', () => fail(Object.assign(new Error('the connection was closed'), { code: '' })));
    });
  });
}
