// SPDX-License-Identifier: Apache-2.0

/**
 * The App Service flavour: a secret in a header, at the address that IDENTITY_ENDPOINT names. All SDKs that were tried speak
 * it before any other, over plain HTTP to wherever they are told.
 */

import type { Flavour } from './flavour.ts';

export const APP_SERVICE_PATH = '/msi/token';

export const appService: Flavour = {
  interface: 'app-service',
  secret: 'required',
  isPath: (path) => path === APP_SERVICE_PATH || path === `${APP_SERVICE_PATH}/`,
  hosts: (port) => [`127.0.0.1:${port}`, `localhost:${port}`],
  // The first one with X-IDENTITY-HEADER.
  apiVersionMin: '2019-08-01',
  presentedSecret(headers) {
    const secret = headers['x-identity-header'];
    return typeof secret === 'string' ? secret : undefined;
  },
};
