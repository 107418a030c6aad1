// SPDX-License-Identifier: Apache-2.0

/** Stands in for systemd's side of sd_notify(3): a unix datagram socket, and what was sent to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Node has no datagram sockets of this family. */
const RECEIVER = `
import socket, sys
box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
box.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
name = sys.argv[1]
box.bind("\\0" + name[1:] if name.startswith("@") else name)
print("bound", flush=True)
while True:
    data, control, _, _ = box.recvmsg(4096, socket.CMSG_SPACE(12))
    pid = int.from_bytes(control[0][2][:4], sys.byteorder) if control else 0
    print(pid, data.decode().replace("\\n", " "), flush=True)
`;

export interface NotifySocket {
  readonly path: string;
  /** In the order of their arrival: who sent it, and what. */
  readonly messages: readonly { readonly pid: number; readonly state: string }[];
  /** Resolves when so many messages of this state have come. */
  seen(state: string, count?: number): Promise<void>;
  stop(): Promise<void>;
}

/** `path` may be an abstract name, which begins with @ as systemd writes it. */
export async function openNotifySocket(path: string): Promise<NotifySocket> {
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const messages: { pid: number; state: string }[] = [];
  const waiting = new Set<() => void>();
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  lines.on('line', (line) => {
    const [pid, ...words] = line.split(' ');
    messages.push({ pid: Number(pid), state: words.join(' ') });
    for (const look of waiting) look();
  });
  return {
    path,
    messages,
    seen: (state, count = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (messages.filter((message) => message.state === state).length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
