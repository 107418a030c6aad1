// SPDX-License-Identifier: Apache-2.0

/**
 * The files by which agent and collector know each other, read anew for each connection, so that a renewed certificate is
 * picked up without a restart. What is wrong with them is found here, before a handshake fails for a reason nobody sees.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { DeliveryError } from '../delivery-error.ts';

export interface TrustFiles {
  /** PEM: the authority that the collector's certificate is checked against. No other is trusted. */
  readonly caFile: string;
  /** PEM: this agent's certificate and the private key to it. */
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Trust {
  readonly context: SecureContext;
  /** When this agent's certificate ends. */
  readonly expiresAtMs: number;
}

/**
 * Errors   DeliveryError `delivery_files`, `delivery_certificate_expired`, `delivery_certificate_name`. Messages name files,
 *          never their content
 */
export async function readTrust(files: TrustFiles, agentId: string, nowMs: number): Promise<Trust> {
  const [ca, cert, key] = await Promise.all([read(files.caFile), read(files.certFile), read(files.keyFile)]);
  let certificate: X509Certificate;
  let context: SecureContext;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    throw new DeliveryError('delivery_files', `${files.certFile} is no certificate.`, { cause });
  }
  try {
    context = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' });
  } catch (cause) {
    const about = `${files.caFile}, ${files.certFile} and ${files.keyFile} do not go together (${(cause as Error).message}).`;
    throw new DeliveryError('delivery_files', about, { cause });
  }
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  if (nowMs < from || nowMs > to) {
    const about = `${files.certFile} is valid from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}.`;
    throw new DeliveryError('delivery_certificate_expired', about);
  }
  const name = commonName(certificate.subject);
  if (name !== agentId) {
    throw new DeliveryError(
      'delivery_certificate_name',
      `${files.certFile} is of ${JSON.stringify(name)}, not ${agentId}.`,
    );
  }
  return { context, expiresAtMs: to };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DeliveryError('delivery_files', `${path}: ${(cause as NodeJS.ErrnoException).code}.`, { cause });
  }
}

/** The subject comes as lines of `NAME=value`. */
function commonName(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}
