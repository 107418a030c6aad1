// SPDX-License-Identifier: Apache-2.0

/** Everywhere that the broker listens: a loopback port for each flavour that is wanted, and the socket of our own tools. */

import type { CallerDirectory } from './attest/caller-directory.ts';
import type { UnixCallerDirectory } from './attest/unix-caller-directory.ts';
import type { Clock } from './clock.ts';
import { BrokerError } from './errors.ts';
import { appService } from './socket/app-service.ts';
import { arc } from './socket/arc.ts';
import { type ChallengeOptions, openChallengeFiles } from './socket/challenge-files.ts';
import type { Flavour } from './socket/flavour.ts';
import { imds } from './socket/imds.ts';
import { createLoopbackEndpoint } from './socket/loopback-endpoint.ts';
import { createUnixEndpoint } from './socket/unix-endpoint.ts';
import type { TokenDesk } from './token-desk.ts';

export interface ListenerChoice {
  /** Of the App Service flavour, on 127.0.0.1; 0, the default, lets the kernel choose. As in all of them. */
  readonly port?: number;
  /** Without these the flavour is off. */
  readonly imds?: { readonly port: number };
  readonly arc?: { readonly port: number } & Omit<ChallengeOptions, 'clock'>;
  readonly unix?: { readonly path: string; readonly callers: UnixCallerDirectory };
}

/** What was bound. */
export interface ListenerPorts {
  readonly appService: number;
  readonly imds: number | undefined;
  readonly arc: number | undefined;
}

export interface Listeners {
  readonly ports: ListenerPorts;
  close(): Promise<void>;
}

export interface ListenerParts {
  readonly desk: TokenDesk;
  readonly callers: CallerDirectory;
  readonly clock: Clock;
}

/** Errors: BrokerError for the first that cannot be; nothing listens then. */
export async function openListeners(choice: ListenerChoice, parts: ListenerParts): Promise<Listeners> {
  const { desk, callers, clock } = parts;
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };

  async function listen(flavour: Flavour, port: number): Promise<number> {
    const endpoint = createLoopbackEndpoint({ flavour, desk, callers });
    closers.push(endpoint.close);
    return endpoint.listen(port).catch((cause: unknown) => {
      throw new BrokerError('LISTEN_FAILED', `Port ${port} of 127.0.0.1, for ${flavour.interface}.`, cause);
    });
  }

  async function listenAsArc({ port, ...options }: NonNullable<ListenerChoice['arc']>): Promise<number> {
    const files = openChallengeFiles({ clock, ...options });
    closers.push(files.close);
    return listen(arc(files), port);
  }

  async function listenOnSocket({ path, callers: peers }: NonNullable<ListenerChoice['unix']>): Promise<void> {
    const endpoint = createUnixEndpoint({ desk, callers: peers });
    closers.push(endpoint.close);
    await endpoint.listen(path).catch((cause: unknown) => {
      throw new BrokerError('LISTEN_FAILED', `The socket ${path}.`, cause);
    });
  }

  try {
    const ports: ListenerPorts = {
      appService: await listen(appService, choice.port ?? 0),
      imds: choice.imds && (await listen(imds, choice.imds.port)),
      arc: choice.arc && (await listenAsArc(choice.arc)),
    };
    if (choice.unix !== undefined) await listenOnSocket(choice.unix);
    return { ports, close };
  } catch (error) {
    await close();
    throw error;
  }
}
