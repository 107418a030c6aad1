// SPDX-License-Identifier: Apache-2.0

/** For tests: a link between agent and collector that can be cut, and that can go dead without a word (half-open). */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class CuttableLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #dead = false;
  connections = 0;

  private constructor(port: number) {
    this.#server = createServer((near) => {
      this.connections += 1;
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (bytes) => {
          if (!this.#dead) to.write(bytes);
        });
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          if (!this.#dead) to.destroy();
        });
      }
    });
  }

  static async to(port: number): Promise<CuttableLink> {
    const link = new CuttableLink(port);
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Every connection ends now, wherever it is. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** From now on nothing passes and nobody is told; `revive` lets new connections through again. */
  goDead(): void {
    this.#dead = true;
  }

  revive(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#dead = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
