// SPDX-License-Identifier: Apache-2.0

/** What nghttpd says of the frames that it sends and receives (-v), by connection and stream. */

export interface NghttpdStream {
  method: string;
  path: string;
  status: string;
  pushed: boolean;
}

const FRAME = /^\[id=(\d+)\] \[ *[\d.]+\] (send|recv) (\w+) frame <.*stream_id=(\d+)>/;
const RECEIVED = /^\[id=(\d+)\] \[ *[\d.]+\] recv \(stream_id=(\d+)\) (:method|:path): (.*)$/;

export function readNghttpdLog(text: string): readonly NghttpdStream[] {
  const streams = new Map<string, NghttpdStream>();
  const streamOf = (connection = '', id = ''): NghttpdStream => {
    const key = `${connection} ${id}`;
    const stream = streams.get(key) ?? { method: '', path: '', status: '', pushed: false };
    streams.set(key, stream);
    return stream;
  };
  let connection = '';
  let told: NghttpdStream | undefined;
  for (const line of text.split('\n')) {
    const received = RECEIVED.exec(line);
    if (received !== null) {
      const [, of, id, name, value = ''] = received;
      streamOf(of, id)[name === ':method' ? 'method' : 'path'] = value;
      continue;
    }
    const frame = FRAME.exec(line);
    if (frame !== null) {
      connection = frame[1] ?? '';
      told = frame[2] === 'send' && frame[3] === 'HEADERS' ? streamOf(connection, frame[4]) : undefined;
      continue;
    }
    const promised = /promised_stream_id=(\d+)/.exec(line)?.[1];
    if (promised !== undefined) {
      told = streamOf(connection, promised);
      told.pushed = true;
    }
    const [, name, value = ''] = /^ +:(method|path|status): (.*)$/.exec(line) ?? [];
    if (told !== undefined && name !== undefined) told[name as 'method' | 'path' | 'status'] = value;
  }
  return [...streams.values()];
}
