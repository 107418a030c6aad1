// SPDX-License-Identifier: Apache-2.0

/**
 * The flavour of the instance metadata service: no secret, only a header that a program which follows a link does not send.
 * For clients that know no other way; so a policy has to allow it by name.
 *
 * It is asked at 169.254.169.254, when the kernel sends such connections here, and at its own address, for SDKs that read
 * AZURE_POD_IDENTITY_AUTHORITY_HOST. Of the service it has the tokens and nothing else.
 */

import type { Flavour } from './flavour.ts';

export const IMDS_PATH = '/metadata/identity/oauth2/token';

/** JavaScript adds a slash when the address was overridden; some clients write Metadata in the path. */
const IS_PATH = /^\/[Mm][Ee][Tt][Aa][Dd][Aa][Tt][Aa]\/identity\/oauth2\/token\/?$/;

export const isMetadataPath = (path: string): boolean => IS_PATH.test(path);

/** Without it SDKs only probe whether somebody is there: any answer will do, at once. */
export const saysMetadata = (value: string | string[] | undefined): boolean =>
  typeof value === 'string' && value.toLowerCase() === 'true';

export const imds: Flavour = {
  interface: 'imds',
  secret: 'not-carried',
  isPath: isMetadataPath,
  hosts: (port) => ['169.254.169.254', '169.254.169.254:80', `127.0.0.1:${port}`, `localhost:${port}`],
  apiVersionMin: '2018-02-01',
  headerProblem: (headers) => (saysMetadata(headers['metadata']) ? undefined : 'metadata_header_missing'),
};
