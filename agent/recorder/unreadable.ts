// SPDX-License-Identifier: Apache-2.0

/** What the record says of a connection whose encrypted bytes could not all be read. */
import { placeOf } from '../activity/activity-builder.ts';
import type { ConnectionFlow } from '../flow/connection-flow.ts';
import type { CodeImage } from '../model/code-image.ts';
import type { FindingReport } from '../model/finding.ts';

const MESSAGES: Readonly<Record<string, string>> = {
  no_secret: 'Nothing handed over the secrets of this TLS connection: its library is not one that can be read.',
  joined_late:
    'The TLS connection was open before its process was recorded; it becomes readable with its next handshake.',
  suite_unsupported: 'The TLS connection used a cipher suite that is not read.',
  record_damaged: 'Encrypted records were incomplete, because a part of their bytes was lost.',
  memory_bound: 'Too many encrypted bytes waited for a secret at once.',
  gssapi: 'The connection is encrypted by GSSAPI, which is not read.',
  ssh: 'The connection is SSH, whose bytes are not read where they cross the socket.',
};

/** One report for each reason. `images`: the program and the libraries that it has mapped; the first one is the program. */
export function unreadableReports(
  flow: ConnectionFlow,
  exe: string,
  images: readonly CodeImage[],
  atNs: number,
): FindingReport[] {
  const { opened, tls } = flow;
  const library = images.find(({ library: name }) => name !== '');
  return [...flow.unreadable].map(([reason, bytes]) => ({
    kind: 'tls_unreadable',
    subject: exe,
    message: MESSAGES[reason] ?? `Encrypted bytes were not read: ${reason.replaceAll('_', ' ')}.`,
    sinceNs: opened.startedNs,
    untilNs: atNs,
    events: 1,
    bytes,
    attributes: {
      reason,
      exe,
      build_id: images[0]?.buildId ?? '',
      library: library?.library ?? '',
      library_path: library?.path ?? '',
      library_build_id: library?.buildId ?? '',
      server_name: tls?.serverName ?? '',
      alpn: tls === undefined ? '' : tls.protocol || tls.offeredProtocols.join(','),
      tls: tls?.version ?? '',
      destination: placeOf(flow),
    },
  }));
}
