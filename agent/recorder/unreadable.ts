// SPDX-License-Identifier: Apache-2.0

/** What the record says of a connection whose encrypted bytes could not all be read. */
import { placeOf } from '../activity/activity-builder.ts';
import type { ConnectionFlow } from '../flow/connection-flow.ts';
import type { CodeImage } from '../model/code-image.ts';
import type { FindingReport } from '../model/finding.ts';

/** What was known of the program and of its libraries when the first bytes of the connection went. */
type ImageState = 'unknown' | 'no_tls_found' | 'not_readable' | 'probed';

const NO_SECRET: Readonly<Record<ImageState, string>> = {
  unknown:
    'The program, or its TLS library, had not been looked at yet when it connected; what it opens from then on is read if it can be.',
  no_tls_found:
    'Nothing handed over the secrets of this TLS connection: no TLS was found in the program or its libraries.',
  not_readable: 'Nothing handed over the secrets of this TLS connection: its library is not one that can be read.',
  probed: 'A TLS library of the program can be read, but no secret of this TLS connection passed it.',
};

const MESSAGES: Readonly<Record<string, string>> = {
  joined_late:
    'The TLS connection was open before its process was recorded; it becomes readable with its next handshake.',
  suite_unsupported: 'The TLS connection used a cipher suite that is not read.',
  record_damaged: 'Encrypted records were incomplete, because a part of their bytes was lost.',
  memory_bound: 'Too many encrypted bytes waited for a secret at once.',
  gssapi: 'The connection is encrypted by GSSAPI, which is not read.',
};

export const SSH_MESSAGES: Readonly<Record<string, string>> = {
  ssh: 'The connection is SSH, and its beginning was not seen.',
  ssh_no_key: 'No key of this SSH connection was seen: its program is not one whose keys can be read.',
  ssh_joined_late: 'The SSH connection was open before its process was recorded.',
  ssh_after_gap: 'Bytes of the SSH connection were lost, and what followed could not be found again.',
  ssh_cipher_unsupported: 'The SSH connection used a cipher, MAC or compression that is not read.',
  ssh_not_negotiated: 'The SSH connection took keys into use, and what it had agreed on was not seen.',
  ssh_packet_damaged: 'A packet of the SSH connection was not what an end sends, or its key was not the right one.',
  ssh_packet_incomplete: 'A packet of the SSH connection was not seen to its end.',
  ssh_compression_damaged: 'The compressed data of the SSH connection could not be inflated.',
  not_ssh: 'The connection began as SSH does, and was not SSH.',
  ssh_memory_bound: 'Too many bytes of the SSH connection waited for its key at once.',
};

/**
 * One report for each reason. `heldUs`: how long the connection's first bytes waited for a look at the program. `images`: the
 * program and the libraries that it has mapped; the first one is the program.
 */
export function unreadableReports(
  flow: Pick<ConnectionFlow, 'opened' | 'role' | 'tls' | 'unreadable'>,
  heldUs: number,
  exe: string,
  images: readonly CodeImage[],
  atNs: number,
): FindingReport[] {
  const { opened, tls } = flow;
  const library = images.find(({ library: name }) => name !== '');
  const state = stateOf(images, opened.startedNs + 1000 * heldUs);
  return [...flow.unreadable].map(([reason, bytes]) => ({
    kind: Object.hasOwn(SSH_MESSAGES, reason) ? 'ssh_unreadable' : 'tls_unreadable',
    subject: exe,
    message:
      (reason === 'no_secret' ? NO_SECRET[state] : (MESSAGES[reason] ?? SSH_MESSAGES[reason])) ??
      `Encrypted bytes were not read: ${reason.replaceAll('_', ' ')}.`,
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
      image_state: state,
      server_name: tls?.serverName ?? '',
      alpn: tls === undefined ? '' : tls.protocol || tls.offeredProtocols.join(','),
      tls: tls?.version ?? '',
      destination: placeOf(flow),
    },
  }));
}

/** By then, whatever has been found since. */
function stateOf(images: readonly CodeImage[], atNs: number): ImageState {
  const known = images.filter(({ lookedAtNs }) => lookedAtNs !== undefined && lookedAtNs <= atNs);
  if (known.some(({ isProbed }) => isProbed === true)) return 'probed';
  // Without a description nothing is known of the program either.
  if (known.length < images.length || images.length === 0) return 'unknown';
  return known.some(({ library }) => library !== '') ? 'not_readable' : 'no_tls_found';
}
