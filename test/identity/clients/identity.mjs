// SPDX-License-Identifier: Apache-2.0

// @azure/identity or msal-node of the folder in MATRIX_PACKAGES: asks for a token twice, and says what it holds.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const { MATRIX_PACKAGES, MATRIX_WAY, MATRIX_CREDENTIAL, MATRIX_RESOURCE } = process.env;
const { MATRIX_CLIENT_ID, MATRIX_OBJECT_ID } = process.env;
const load = createRequire(`${MATRIX_PACKAGES}/any.js`);
const [library] = process.argv.slice(2);

function byIdentity() {
  const { DefaultAzureCredential, ManagedIdentityCredential, WorkloadIdentityCredential } = load('@azure/identity');
  let credential;
  if (MATRIX_WAY === 'chain') credential = new DefaultAzureCredential();
  else if (MATRIX_CREDENTIAL === 'workload-identity') credential = new WorkloadIdentityCredential();
  else if (MATRIX_CLIENT_ID) credential = new ManagedIdentityCredential(MATRIX_CLIENT_ID);
  else if (MATRIX_OBJECT_ID) credential = new ManagedIdentityCredential({ objectId: MATRIX_OBJECT_ID });
  else credential = new ManagedIdentityCredential();
  return async () => {
    const { token, expiresOnTimestamp } = await credential.getToken(`${MATRIX_RESOURCE}/.default`);
    return { token, expiresAtS: expiresOnTimestamp / 1000 };
  };
}

function byMsal() {
  const { ManagedIdentityApplication } = load('@azure/msal-node');
  const managedIdentityIdParams = {
    ...(MATRIX_CLIENT_ID && { userAssignedClientId: MATRIX_CLIENT_ID }),
    ...(MATRIX_OBJECT_ID && { userAssignedObjectId: MATRIX_OBJECT_ID }),
  };
  const application = new ManagedIdentityApplication({ managedIdentityIdParams });
  return async () => {
    const { accessToken, expiresOn } = await application.acquireToken({ resource: MATRIX_RESOURCE });
    return { token: accessToken, expiresAtS: expiresOn.getTime() / 1000 };
  };
}

const startedMs = performance.now();
const ask = library === 'msal' ? byMsal() : byIdentity();
const fingerprintOf = ({ token }) => createHash('sha256').update(token).digest('hex');
try {
  const first = await ask();
  const ms = performance.now() - startedMs;
  const again = await ask();
  const { expiresAtS } = first;
  console.log(JSON.stringify({ fingerprint: fingerprintOf(first), again: fingerprintOf(again), expiresAtS, ms }));
} catch (error) {
  console.log(JSON.stringify({ error: `${error.name}: ${error.message}`, ms: performance.now() - startedMs }));
}
