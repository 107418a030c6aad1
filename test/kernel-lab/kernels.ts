// SPDX-License-Identifier: Apache-2.0

/**
 * Kernels for guests, out of Debian's packages: downloaded from the mirrors that this host has, with lists of packages of
 * their own, and unpacked. Nothing is installed, and nothing of the host's apt changes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { perform, ToolMissing } from '../runtimes/toolbox.ts';

/** Where a suite that Debian still holds has a kernel of this line. Exact versions vanish: the metapackage names the newest. */
const SUITES: Readonly<Record<string, { readonly suite: string; readonly security: boolean }>> = {
  '5.10': { suite: 'bullseye-security', security: true },
  '6.1': { suite: 'bookworm', security: false },
  '6.12': { suite: 'bookworm-backports', security: false },
  '6.18': { suite: 'trixie-backports', security: false },
};

export const kernelLines: readonly string[] = Object.keys(SUITES);

export interface GuestKernel {
  /** As asked for: `6.1`. */
  readonly line: string;
  /** As uname -r says it there. */
  readonly release: string;
  readonly image: string;
}

/** The kernel of a line, unpacked below `folder`; at once when it is there. Errors: ToolMissing. */
export function guestKernel(line: string, folder: string): GuestKernel {
  const found = SUITES[line];
  if (found === undefined) throw new ToolMissing(`no kernel ${line}; there are ${kernelLines.join(', ')}`);
  const place = join(folder, line);
  if (!existsSync(join(place, 'boot'))) {
    const fresh = `${place}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(join(fresh, 'apt/lists/partial'), { recursive: true });
    mkdirSync(join(fresh, 'apt/archives/partial'), { recursive: true });
    download(found, fresh);
    rmSync(join(fresh, 'apt'), { recursive: true });
    rmSync(place, { recursive: true, force: true });
    renameSync(fresh, place);
  }
  const name = readdirSync(join(place, 'boot')).find((file) => file.startsWith('vmlinuz-'));
  if (name === undefined) throw new ToolMissing(`the package of kernel ${line} has no image`);
  return { line, release: name.slice('vmlinuz-'.length), image: join(place, 'boot', name) };
}

function download({ suite, security }: { suite: string; security: boolean }, place: string): void {
  const list = join(place, 'apt/sources.list');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(list, `deb [signed-by=${keyring}] ${mirror(security)} ${suite} main\n`);
  const apt = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `Dir::State::lists=${join(place, 'apt/lists')}`,
    `Dir::Cache::archives=${join(place, 'apt/archives')}`,
    `Dir::Cache::pkgcache=`,
    `Dir::Cache::srcpkgcache=`,
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting]);
  perform(['apt-get', ...apt, 'update', '-q'], place);
  const flavour = `linux-image-cloud-${arch() === 'arm64' ? 'arm64' : 'amd64'}`;
  const depends = execFileSync('apt-cache', [...apt, 'depends', '--important', flavour], { encoding: 'utf8' });
  const image = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (image === undefined) throw new ToolMissing(`${suite} has no ${flavour}`);
  perform(['apt-get', ...apt, 'download', '-q', image], place);
  const archive = readdirSync(place).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new ToolMissing(`${image} did not come`);
  perform(['dpkg', '-x', archive, '.'], place);
  rmSync(join(place, archive));
}

/** The host's own mirror of Debian, or of its security updates. */
function mirror(security: boolean): string {
  const format = '$(REPO_URI) $(ORIGIN) $(RELEASE)';
  const printed = execFileSync('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    encoding: 'utf8',
  });
  for (const line of printed.split('\n')) {
    const [address, origin, release] = line.split(' ');
    if (address && origin === 'Debian' && release?.endsWith('-security') === security) return address;
  }
  throw new ToolMissing(`this host has no mirror of Debian${security ? ' security updates' : ''} (apt-get indextargets)`);
}
