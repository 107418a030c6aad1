// SPDX-License-Identifier: Apache-2.0

/**
 * A real collector with embedded ClickHouse and its defaults, in a process of its own, until SIGTERM.
 *
 *   node bench/ingest-collector.ts FOLDER    prints {"port", "certificate", "api"}: where to deliver, who may, and
 *                                               where to ask with FOLDER/api-token
 */
import { stringify } from 'yaml';
import { readCollectorConfig } from '../collector/config/read-config.ts';
import { startCollector } from '../collector/main.ts';
import { createLog } from '../collector/telemetry/log.ts';

const text = stringify({
  state_dir: process.argv[2],
  ingest: { listen: '127.0.0.1:0' },
  api: { listen: '127.0.0.1:0' },
});
const collector = await startCollector({
  config: readCollectorConfig(text, 'bench'),
  version: 'bench',
  log: createLog('silent'),
});
const certificate = await collector.issueAgentCertificate('bench-agent');
console.log(JSON.stringify({ port: collector.ingest.port, certificate, api: collector.apiUrl }));
process.once('SIGTERM', () => void collector.stop().then(() => process.exit(0)));
