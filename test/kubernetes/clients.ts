// SPDX-License-Identifier: Apache-2.0

/** What agents do with a cluster: each is a workload of its own, with what it must leave in the record besides requests. */
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

export interface Deed {
  readonly name: string;
  /** For a shell; $K is kubectl. */
  readonly script: string;
  readonly input?: string;
  /** Streams that it opens, in order. */
  readonly streams?: readonly ExpectedStream[];
}

export interface ExpectedStream {
  readonly operation: string;
  readonly statement: RegExp;
  readonly request?: string;
  readonly response?: string | RegExp;
  readonly stderr?: string;
  readonly errorCode?: string;
  /** What its terminal shows, and what is typed at it. */
  readonly terminal?: { readonly typed: RegExp; readonly shown: RegExp };
  /** Said in the connection that it carries: protocol, operation, resource, status. */
  readonly inside?: string;
}

const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', labels: { app: 'shop' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'shop' } },
    template: { metadata: { labels: { app: 'shop' } }, spec: { containers: [{ name: 'c', image: 'none' }] } },
  },
};
const SECRET = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: keys\nstringData:\n  password: planted-secret-yaml\n';
export const PLANTED = /planted-secret|cGxhbnRlZC1zZWNyZXQ/;

const exec = (what: string) => new RegExp(`^exec pods web -n default -c main -- ${what}`);

/** One connection to a server that answers once, through a port that kubectl chooses. */
const forward = (prefix: string) => `cd "$HOME"; rm -f port forwarded; : > forwarded
python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
c, _ = s.accept(); assert c.recv(100) == b"ping"; c.sendall(b"pong"); c.close()' > port & server=$!
until [ -s port ]; do sleep 0.1; done
${prefix} $K port-forward pod/web ":$(cat port)" > forwarded & forward=$!
trap 'kill "$server" "$forward" 2>/dev/null' EXIT
until grep -q "^Forwarding from 127" forwarded; do kill -0 "$forward" || exit 1; sleep 0.1; done
python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); s.sendall(b"ping"); s.shutdown(1)
assert s.recv(100) == b"pong"; assert s.recv(100) == b""' "$(sed -n 's/^Forwarding from 127.0.0.1:\\([0-9]*\\).*/\\1/p' forwarded)"
wait "$server"; kill -INT "$forward"; wait "$forward"; trap - EXIT; true`;

/** The same to a server of HTTP. Both ends are closed before kubectl is ended. */
const forwardHttp = (prefix: string) => `cd "$HOME"; rm -f port forwarded; : > forwarded
python3 -u -c 'import http.server
class Say(http.server.BaseHTTPRequestHandler):
  def do_GET(self): self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"hi")
s = http.server.HTTPServer(("127.0.0.1", 0), Say); print(s.server_port, flush=True); s.handle_request()' > port 2>/dev/null & server=$!
until [ -s port ]; do sleep 0.1; done
${prefix} $K port-forward pod/web ":$(cat port)" > forwarded & forward=$!
trap 'kill "$server" "$forward" 2>/dev/null' EXIT
until grep -q "^Forwarding from 127" forwarded; do kill -0 "$forward" || exit 1; sleep 0.1; done
python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); s.sendall(b"GET /asked HTTP/1.1\\r\\nHost: web\\r\\n\\r\\n"); s.shutdown(1)
assert b"".join(iter(lambda: s.recv(1000), b"")).endswith(b"hi")' "$(sed -n 's/^Forwarding from 127.0.0.1:\\([0-9]*\\).*/\\1/p' forwarded)"
wait "$server"; kill -INT "$forward"; wait "$forward"; trap - EXIT; true`;

function streamDeeds(kind: string, prefix: string): Deed[] {
  return [
    {
      name: `exec -it over ${kind}`,
      // kubectl wants a terminal of its own.
      script: `${prefix} script -qec "$K exec -it web -- sh -c 'read word; echo got \\$word'" /dev/null`,
      input: 'typed\n',
      streams: [
        {
          operation: 'exec',
          statement: exec('sh -c'),
          response: /got typed\r\n$/,
          errorCode: '',
          terminal: { typed: /^typed\n/, shown: /got typed\r\n/ },
        },
      ],
    },
    {
      name: `port-forward over ${kind}`,
      script: forward(prefix === '' ? '' : 'KUBECTL_PORT_FORWARD_WEBSOCKETS=false'),
      streams: [
        {
          operation: 'portforward',
          statement: /^portforward pods web -n default \d+$/,
          request: 'ping',
          response: 'pong',
          errorCode: '',
        },
      ],
    },
    {
      name: `port-forward to HTTP over ${kind}`,
      script: forwardHttp(prefix === '' ? '' : 'KUBECTL_PORT_FORWARD_WEBSOCKETS=false'),
      streams: [
        {
          operation: 'portforward',
          statement: /^portforward pods web -n default \d+$/,
          inside: 'http GET /asked ok',
          errorCode: '',
        },
      ],
    },
    {
      name: `exec over ${kind}`,
      script: `${prefix} $K exec web -- sh -c 'echo out; echo err >&2; exit 3'; [ $? = 3 ]`,
      streams: [{ operation: 'exec', statement: exec('sh -c'), response: 'out\n', stderr: 'err\n', errorCode: '3' }],
    },
    {
      name: `exec -i over ${kind}`,
      script: `${prefix} $K exec -i web -- wc -c`,
      input: 'x'.repeat(100_000),
      streams: [
        {
          operation: 'exec',
          statement: exec('wc -c$'),
          request: 'x'.repeat(100_000),
          response: '100000\n',
          errorCode: '',
        },
      ],
    },
    {
      name: `attach over ${kind}`,
      script: `${prefix} $K attach -i web`,
      input: 'hello\n',
      streams: [
        { operation: 'attach', statement: /^attach pods web/, request: 'hello\n', response: 'attached\nhello\n' },
      ],
    },
    {
      name: `cp over ${kind}`,
      script: `echo planted-file > "$HOME/f"; ${prefix} $K cp "$HOME/f" web:"$HOME/g"; ${prefix} $K cp web:"$HOME/g" "$HOME/h"; cmp "$HOME/f" "$HOME/h"`,
      streams: [
        { operation: 'exec', statement: exec('test -d'), errorCode: '1' },
        { operation: 'exec', statement: exec('tar -xmf - -C'), errorCode: '' },
        { operation: 'exec', statement: exec('tar cf -'), response: /planted-file/, errorCode: '' },
      ],
    },
  ];
}

export const DEEDS: readonly Deed[] = [
  {
    name: 'get',
    script:
      '$K get pods && $K get pods web -o json && $K get nodes -o yaml && $K get pods -A -l a=b --field-selector metadata.name=web',
  },
  { name: 'what is not there', script: '$K get pods nothing; $K delete configmap nothing; true' },
  {
    name: 'apply',
    script: '$K apply -f - && $K scale deployment shop --replicas=3 && $K get deploy shop',
    input: JSON.stringify(DEPLOYMENT),
  },
  {
    name: 'server-side apply',
    script: '$K apply --server-side --field-manager=ops -f -',
    input: JSON.stringify({ ...DEPLOYMENT, metadata: { name: 'side' } }),
  },
  {
    name: 'dry run',
    script: '$K apply --dry-run=server -f - && $K delete deployment shop --dry-run=server',
    input: JSON.stringify({ ...DEPLOYMENT, metadata: { name: 'dry' } }),
  },
  {
    name: 'patches',
    script: `$K patch deploy shop --type=json -p '[{"op":"replace","path":"/spec/replicas","value":1}]' && $K patch deploy shop --type=merge -p '{"spec":{"replicas":4}}' && $K label deploy shop tier=web && $K annotate deploy shop note='a "quoted" note'`,
  },
  {
    name: 'secrets',
    script:
      '$K apply -f - && $K get secret keys -o yaml && $K get secrets && $K patch secret keys -p \'{"stringData":{"more":"planted-secret-patch"}}\' && $K delete secret keys',
    input: SECRET,
  },
  {
    name: 'impersonation',
    script:
      '$K get pods --as=ann --as-group=dev --as-group=ops; $K auth can-i delete pods --as=ann; $K auth can-i --list >/dev/null; true',
  },
  { name: 'logs', script: '$K logs web' },
  { name: 'token', script: '$K create serviceaccount robot && $K create token robot >/dev/null' },
  {
    name: 'watch',
    script:
      '(timeout 3 $K get configmaps -w -o name; true) & sleep 1; $K create configmap seen --from-literal=a=b && $K delete configmap seen; wait',
  },
  {
    name: 'raw',
    script:
      '$K get --raw /healthz && $K get --raw /version && $K get --raw /openapi/v3 >/dev/null && $K api-resources >/dev/null',
  },
  {
    name: 'deletes',
    script:
      '$K delete deployment shop --cascade=foreground --wait=false && $K delete deployment side --grace-period=0 --wait=false && $K delete configmaps -l x=y',
  },
  ...streamDeeds('WebSocket', ''),
  ...streamDeeds('SPDY', 'KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false'),
  { name: 'client-go', script: '$CLIENT_GO' },
  { name: 'the Python client', script: 'python3 -c "$PYTHON_CLIENT"' },
];

const PYTHON_CLIENT = `
from kubernetes import client, config
config.load_kube_config()
api = client.CoreV1Api()
api.create_namespaced_config_map("default", {"metadata": {"name": "from-python"}, "data": {"a": "b" * 300}})
api.list_namespaced_config_map("default", label_selector="a=b", limit=5)
api.patch_namespaced_config_map("from-python", "default", {"data": {"c": "d"}})
api.create_namespaced_secret("default", {"metadata": {"name": "py"}, "stringData": {"password": "planted-secret-python"}})
api.delete_namespaced_secret("py", "default")
api.delete_namespaced_config_map("from-python", "default", propagation_policy="Background")
try:
    api.read_namespaced_pod("nothing", "default")
except client.ApiException as error:
    assert error.status == 404
assert len(client.AppsV1Api().list_deployment_for_all_namespaces().items) >= 0
`;

export function environmentOf(cluster: Cluster, http: string): Record<string, string> {
  const { programs, kubeconfig, folder } = cluster;
  return {
    KUBECONFIG: kubeconfig,
    HOME: join(folder, 'home'),
    K: join(programs, 'kubectl'),
    CLIENT_GO: join(programs, 'client-go'),
    PYTHON_CLIENT,
    PYTHONPATH: join(programs, 'python'),
    PYTHONWARNINGS: 'ignore',
    // Go's clients ask in HTTP/2 by themselves.
    ...(http === '1' && { DISABLE_HTTP2: 'true', GODEBUG: 'http2client=0' }),
  };
}
