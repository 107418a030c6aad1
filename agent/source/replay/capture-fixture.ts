// SPDX-License-Identifier: Apache-2.0

/**
 * Makes fixture.jsonl anew: a shell that runs curl and psql against local servers, as the kernel told it.
 *
 *   bin/node agent/source/replay/capture-fixture.ts        as root, where `sworn doctor` is content
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KernelEvent } from '../../model/kernel-event.ts';
import { startServer } from '../../protocol/postgres/capture/throwaway-server.ts';
import { EbpfSource } from '../ebpf/ebpf-source.ts';
import { eventToLine, type RecordingHeader } from './recording.ts';

const FILE = new URL('fixture.jsonl', import.meta.url);
const SCOPE = { selectionId: 1, sessionKey: 0x5eed5eed5eed5eedn };

const http = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://h');
  request.resume();
  request.on('end', () => {
    if (pathname === '/large') response.end('0123456789abcdef'.repeat(2000));
    else if (pathname === '/missing') response.writeHead(404).end('no such thing\n');
    else response.end(`you asked for ${pathname}\n`);
  });
});

/** What the shell does; `$1` and `$2` are the ports. */
const SCRIPT = `
read -r start
curl -s "http://127.0.0.1:$1/one" "http://127.0.0.1:$1/two" "http://127.0.0.1:$1/missing" >/dev/null
curl -s -d name=value -d "$(head -c 3000 /dev/zero | tr '\\0' x)" "http://127.0.0.1:$1/post" >/dev/null
curl -s -Z "http://127.0.0.1:$1/large" "http://127.0.0.1:$1/large?2" "http://127.0.0.1:$1/large?3" >/dev/null
psql -qtA "host=127.0.0.1 port=$2 user=postgres sslmode=disable gssencmode=disable" >/dev/null 2>&1 <<'SQL'
create table things (id int primary key, name text);
insert into things select i, 'thing ' || i from generate_series(1, 200) i;
select * from things where id < 150 order by id;
select 1 / 0;
update things set name = 'other' where id = 7;
delete from things;
SQL
curl -s "http://127.0.0.1:1/refused" >/dev/null
(sleep 0.05; exit 4) &
wait $!
exit 3
`;

const database = await startServer();
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const port = (http.address() as AddressInfo).port;

const lines: string[] = [];
const source = new EbpfSource({ selections: [] });
const header: RecordingHeader = {
  recording: 1,
  epochUnixNs: String(source.clock.toUnixNs(0)),
  note: `made by capture-fixture.ts: sh, curl and psql against ${database.version} and node:http on ${process.version}`,
};
await source.start((events) => {
  for (const event of events) lines.push(eventToLine(withoutPlace(event)));
});
const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', String(port), String(database.port)], {
  cwd: '/',
  stdio: ['pipe', 'inherit', 'inherit'],
  env: { PATH: '/usr/bin:/bin', HOME: '/', LC_ALL: 'C.UTF-8' },
});
const ended = once(shell, 'exit');
source.watch({ pid: shell.pid as number, startNs: 0n }, SCOPE);
await sleep(200);
shell.stdin.end('go\n');
await ended;
// Ends of sockets come a moment later.
await sleep(1500);
await source.stop();
http.close();
await database.stop();
writeFileSync(FILE, `${[JSON.stringify(header), ...lines].join('\n')}\n`);
console.log(`${lines.length} events`);

/** The cgroup is that of whoever made the recording. */
function withoutPlace(event: KernelEvent): KernelEvent {
  if (!('program' in event) || event.program === undefined) return event;
  return { ...event, program: { ...event.program, cgroup: '/user.slice/fixture.scope' } };
}
