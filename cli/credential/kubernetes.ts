// SPDX-License-Identifier: Apache-2.0

/**
 * The exec credential plug-in of Kubernetes clients.
 * Source  Kubernetes, "Authenticating", client-go credential plugins: the answer has the version that was asked in
 */
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { askToken } from '../token-socket.ts';

/** The application of Azure Kubernetes Service, the same for all clusters. */
const AKS = '6dae42f8-4368-4678-94ff-3960e28e3630';
const VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/** Errors: CliError. Prints nothing then, so that a client does not take half an answer. */
export async function kubernetesCredential(socket: string, resource = AKS): Promise<void> {
  const apiVersion = versionAsked(process.env['KUBERNETES_EXEC_INFO']);
  const { access_token: token, expires_on: expiresOn } = await askToken(socket, resource);
  const expirationTimestamp = new Date(Number(expiresOn) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  await print(JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token, expirationTimestamp } }));
}

/** Clients always say it; a person who tries the command does not. */
function versionAsked(info: string | undefined): string {
  if (info === undefined) return VERSIONS[0] as string;
  let asked: unknown;
  try {
    asked = (JSON.parse(info) as { apiVersion?: unknown } | null)?.apiVersion;
  } catch {
    asked = undefined;
  }
  if (typeof asked === 'string' && VERSIONS.includes(asked)) return asked;
  throw new CliError(
    'KUBERNETES_EXEC_INFO asks in a version that is not known here',
    `Set apiVersion of users[].user.exec in the kubeconfig to one of: ${VERSIONS.join(', ')}`,
    EXIT.unusable,
  );
}
