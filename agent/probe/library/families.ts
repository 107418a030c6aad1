// SPDX-License-Identifier: Apache-2.0

import { awsLc, boringssl } from './boringssl.ts';
import { mbedtls, s2n, wolfssl } from './embedded.ts';
import { gnutls } from './gnutls.ts';
import { go } from './go.ts';
import { goSsh } from './go-ssh.ts';
import { java } from './java.ts';
import type { LibraryFamily } from './library-family.ts';
import { nss } from './nss.ts';
import { openssh } from './openssh.ts';
import { openssl } from './openssl.ts';
import { openssl11 } from './openssl-1.1.ts';
import { rustls } from './rustls.ts';
import { libssh2, nodeCiphers, pyca, ssh2Addon } from './ssh-libraries.ts';

/** All that are known, those with probes first: a file that has several is named in this order. */
export const families: readonly LibraryFamily[] = [
  openssl,
  openssl11,
  go,
  gnutls,
  nss,
  rustls,
  awsLc,
  boringssl,
  s2n,
  wolfssl,
  mbedtls,
  java,
  openssh,
  libssh2,
  pyca,
  nodeCiphers,
  ssh2Addon,
  goSsh,
];
