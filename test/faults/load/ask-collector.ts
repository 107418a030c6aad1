// SPDX-License-Identifier: Apache-2.0

/** Prints the rows of a query, one JSON object a line: for a collector in another network namespace. URL, token file, SQL. */
import { CollectorClient } from '../../../cli/collector-client.ts';

const [url = '', tokenFile = '', sql = ''] = process.argv.slice(2);
const rows = await new CollectorClient({ url, tokenFile }).rows<object>(sql);
process.stdout.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
