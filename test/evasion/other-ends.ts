// SPDX-License-Identifier: Apache-2.0

/** Servers outside of the workload that keep what they were given: the truth that the record is compared with. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export class OtherEnds {
  /** Bytes of each connection, whole once it has ended. */
  #streams: { readonly bytes: Buffer[] }[] = [];
  #datagrams: Buffer[] = [];
  readonly #tcp: Server;
  readonly #unix: Server;
  readonly #udp: DatagramSocket;
  readonly unixPath: string;

  private constructor(folder: string) {
    const take = (socket: Socket) => this.#take(socket);
    this.#tcp = createServer(take);
    this.#unix = createServer(take);
    this.#udp = createSocket('udp4');
    this.#udp.on('message', (bytes) => this.#datagrams.push(bytes));
    this.unixPath = join(folder, 'service.sock');
  }

  static async open(folder: string): Promise<OtherEnds> {
    const ends = new OtherEnds(folder);
    ends.#tcp.listen(0, '127.0.0.1');
    ends.#unix.listen(ends.unixPath);
    ends.#udp.bind(0, '127.0.0.1');
    await Promise.all([once(ends.#tcp, 'listening'), once(ends.#unix, 'listening'), once(ends.#udp, 'listening')]);
    return ends;
  }

  get tcpPort(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  get udpPort(): number {
    return this.#udp.address().port;
  }

  /** What came since it was asked last. */
  takeStreams(): Buffer[] {
    const taken = this.#streams.map(({ bytes }) => Buffer.concat(bytes)).filter(({ length }) => length > 0);
    this.#streams = [];
    return taken;
  }

  takeDatagrams(): Buffer[] {
    return this.#datagrams.splice(0);
  }

  close(): void {
    this.#tcp.close();
    this.#unix.close();
    this.#udp.close();
  }

  #take(socket: Socket): void {
    const stream = { bytes: [] as Buffer[] };
    this.#streams.push(stream);
    socket.on('data', (bytes: Buffer) => stream.bytes.push(bytes));
    socket.on('error', () => {});
  }
}
