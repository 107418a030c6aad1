// SPDX-License-Identifier: Apache-2.0

/** The official SDK from the folder where it was put, and a transport that writes down every message. */
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// biome-ignore lint/suspicious/noExplicitAny: the package is not among ours, so its types are not here
type Any = any;

/** `folder` of the package; `module` as its users import it. */
export function fromSdk(folder: string, module: string): Any {
  return createRequire(join(folder, '../../../from.js'))(`@modelcontextprotocol/sdk/${module}`);
}

/** Every message that is sent over the transport goes to `file` as a line, as it is sent. */
export function logged(transport: Any, file: string): Any {
  const send = transport.send.bind(transport);
  transport.send = (message: unknown, ...others: unknown[]) => {
    appendFileSync(file, `${JSON.stringify(message)}\n`);
    return send(message, ...others);
  };
  return transport;
}
