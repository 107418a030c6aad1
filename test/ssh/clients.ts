// SPDX-License-Identifier: Apache-2.0

/** Clients that are built or fetched for the suite. */
import { join } from 'node:path';
import { builtAt, contentOf, fromDebian, perform, root, versionOf } from '../runtimes/toolbox.ts';

export { fromNpm } from '../runtimes/tools.ts';

/** Static, stripped. Errors: ToolMissing. */
export function goProgram(): string {
  const go = fromDebian('go', 'golang-go');
  const source = join(import.meta.dirname, 'clients/go');
  const recipe = [versionOf([go, 'version']), contentOf(source)];
  const folder = builtAt(join(root, '.setup/ssh-go'), recipe, (place) => {
    perform([go, 'build', '-trimpath', '-ldflags', '-s -w', '-o', join(place, 'ssh-client'), '.'], source, {
      CGO_ENABLED: '0',
    });
  });
  return join(folder, 'ssh-client');
}
