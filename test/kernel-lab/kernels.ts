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

interface Suite {
  readonly suite: string;
  readonly security: boolean;
  /** Of several lines in the suite this one; else the one that the metapackage names. */
  readonly line?: string;
}

/** Where Debian still has a kernel of a line. Exact versions vanish from mirrors, so none is named here. */
const SUITES: Readonly<Record<string, Suite>> = {
  '5.10': { suite: 'bullseye-security', security: true },
  '6.1': { suite: 'bookworm', security: false },
  '6.12': { suite: 'bookworm-backports', security: false },
  '6.18': { suite: 'trixie-backports', security: false, line: '6.18' },
  newest: { suite: 'trixie-backports', security: false },
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
  if (!existsSync(place)) {
    const fresh = `${place}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(join(fresh, 'apt/lists/partial'), { recursive: true });
    mkdirSync(join(fresh, 'apt/archives/partial'), { recursive: true });
    download(found, fresh);
    rmSync(join(fresh, 'apt'), { recursive: true });
    renameSync(fresh, place);
  }
  const files = readdirSync(place, { recursive: true }) as string[];
  const image = files.find((file) => /(^|\/)vmlinuz(-[^/]+)?$/.test(file));
  if (image === undefined) throw new ToolMissing(`the package of kernel ${line} has no image; remove ${place}`);
  // boot/vmlinuz-RELEASE, or usr/lib/modules/RELEASE/vmlinuz.
  const release = /vmlinuz-([^/]+)$|([^/]+)\/vmlinuz$/.exec(image);
  return { line, release: release?.[1] ?? release?.[2] ?? line, image: join(place, image) };
}

function download({ suite, security, line }: Suite, place: string): void {
  const list = join(place, 'apt/sources.list');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(list, `deb [signed-by=${keyring}] ${mirror(security)} ${suite} main\n`);
  const apt = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Etc::preferencesparts=/dev/null',
    `Dir::State::lists=${join(place, 'apt/lists')}`,
    `Dir::Cache::archives=${join(place, 'apt/archives')}`,
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting]);
  perform(['apt-get', ...apt, 'update', '-q'], place);
  const ask = (...words: string[]): string => execFileSync('apt-cache', [...apt, ...words], { encoding: 'utf8' });
  const flavour = `cloud-${arch() === 'arm64' ? 'arm64' : 'amd64'}`;
  const image = line === undefined ? dependency(ask, `linux-image-${flavour}`, 'image') : newestOf(ask, line, flavour);
  if (image === undefined) throw new ToolMissing(`${suite} has no such kernel of the flavour ${flavour}`);
  // From 7.1 on the image is in a package that the package of that name depends on.
  const archived = dependency(ask, image, 'binary') ?? image;
  perform(['apt-get', ...apt, 'download', '-q', archived], place);
  const archive = readdirSync(place).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new ToolMissing(`${archived} did not come`);
  perform(['dpkg', '-x', archive, '.'], place);
  rmSync(join(place, archive));
}

type Ask = (...words: string[]) => string;

function dependency(ask: Ask, of: string, kind: 'image' | 'binary'): string | undefined {
  return new RegExp(`Depends: (linux-${kind}-\\S+)`).exec(ask('depends', '--important', of))?.[1];
}

function newestOf(ask: Ask, line: string, flavour: string): string | undefined {
  const names = ask('pkgnames', `linux-image-${line}.`).split('\n');
  const release = (name: string): number => Number(name.slice(`linux-image-${line}.`.length).split('+')[0]);
  const fitting = names.filter((name) => name.endsWith(`-${flavour}`) && Number.isInteger(release(name)));
  return fitting.sort((a, b) => release(a) - release(b)).at(-1);
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
  throw new ToolMissing(
    `this host has no mirror of Debian${security ? ' security updates' : ''} (apt-get indextargets)`,
  );
}
